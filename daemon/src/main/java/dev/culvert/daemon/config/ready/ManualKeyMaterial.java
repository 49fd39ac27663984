// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.ManualKeyingConfig;
import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.esp.manual.ManualSa;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The manual SAs with their keys. */
public record ManualKeyMaterial(List<ManualSa> inbound, List<ManualSa> outbound)
    implements KeyMaterial {
  static ManualKeyMaterial read(ManualKeyingConfig config, boolean esn) throws ConfigException {
    ManualKeyMaterial read = new ManualKeyMaterial(new ArrayList<>(), new ArrayList<>());
    Set<String> fingerprints = new HashSet<>();
    try {
      for (ManualKeyingConfig.Sa named : config.sas()) {
        ManualSa sa = read(named, esn);
        (named.outbound() ? read.outbound : read.inbound).add(sa);
        if (!fingerprints.add(sa.fingerprint())) {
          throw named.place().error("this key serves another direction or peer already");
        }
      }
      return read;
    } catch (ConfigException e) {
      read.close();
      throw e;
    }
  }

  private static ManualSa read(ManualKeyingConfig.Sa named, boolean esn) throws ConfigException {
    try (KeyFile file = EspKeyFiles.read(named.file())) {
      return ManualSa.of(named.peer(), named.spi(), file, esn);
    } catch (IllegalArgumentException e) {
      throw named.place().error(String.valueOf(e.getMessage()));
    }
  }

  /** A copy for a keying, which closes it. */
  public List<ManualSa> copyOfInbound() {
    return inbound.stream().map(ManualKeyMaterial::copy).toList();
  }

  /** A copy for a keying, which closes it. */
  public List<ManualSa> copyOfOutbound() {
    return outbound.stream().map(ManualKeyMaterial::copy).toList();
  }

  private static ManualSa copy(ManualSa sa) {
    return new ManualSa(sa.peer(), sa.spi(), sa.key().copy(), sa.salt(), sa.esn());
  }

  @Override
  public void close() {
    inbound.forEach(sa -> sa.key().close());
    outbound.forEach(sa -> sa.key().close());
  }
}
