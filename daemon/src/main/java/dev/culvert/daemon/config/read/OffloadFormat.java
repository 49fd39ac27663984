// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import dev.culvert.tunnel.port.Offload;
import dev.culvert.tunnel.port.OffloadModes;
import java.util.EnumMap;
import java.util.Map;

/** The part of the format that is about the kernel's offloads. */
final class OffloadFormat {
  private OffloadFormat() {}

  static OffloadModes read(YamlMap section) throws ConfigException {
    Map<Offload, Offload.Mode> modes = new EnumMap<>(Offload.class);
    for (Offload offload : Offload.values()) {
      YamlValue value = section.get(offload.key());
      if (value != null) {
        modes.put(offload, mode(value));
      }
    }
    return new OffloadModes(modes);
  }

  private static Offload.Mode mode(YamlValue value) throws ConfigException {
    return Offload.Mode.of(value.text())
        .orElseThrow(() -> value.place().error("must be auto, on or off"));
  }
}
