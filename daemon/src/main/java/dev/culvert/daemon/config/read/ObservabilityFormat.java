// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.HostPort;
import dev.culvert.daemon.config.ObservabilityConfig;
import dev.culvert.daemon.config.ObservabilityConfig.Compat;
import dev.culvert.daemon.config.ObservabilityConfig.PerPeer;
import dev.culvert.daemon.config.ObservabilityConfig.Tls;
import dev.culvert.daemon.config.Values;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The part of the format that is about metrics and health. */
final class ObservabilityFormat {
  private ObservabilityFormat() {}

  /**
   * @param directory the directory of relative paths
   * @param warnings for people, added to
   */
  static ObservabilityConfig read(YamlValue section, Path directory, List<String> warnings)
      throws ConfigException {
    YamlMap map = section.map(KnownKeys.OBSERVABILITY);
    YamlValue listen = map.get("listen");
    HostPort at =
        Values.endpoint(
            listen == null ? section.place() : listen.place(),
            listen == null ? ObservabilityConfig.DEFAULT_LISTEN : listen.text());
    YamlValue token = map.get("tokenFile");
    ObservabilityConfig config =
        new ObservabilityConfig(
            Values.ip(at.place(), at.host()),
            at.port(),
            tls(map.get("tls"), directory),
            token == null ? null : directory.resolve(YamlFormat.path(token)),
            perPeer(map.get("perPeer")),
            compat(map.get("compat")),
            section.place());
    if (!config.isLocal()
        && token == null
        && (config.tls() == null || config.tls().clientCa() == null)) {
      warnings.add(
          at.place()
              .text(
                  "everybody who can reach this address can read the metrics, with the peers'"
                      + " addresses; set tokenFile or tls.clientCa, or listen on 127.0.0.1"));
    }
    return config;
  }

  private static @Nullable Tls tls(@Nullable YamlValue value, Path directory)
      throws ConfigException {
    if (value == null) {
      return null;
    }
    YamlMap map = value.map(KnownKeys.OBSERVABILITY_TLS);
    YamlValue clientCa = map.get("clientCa");
    return new Tls(
        directory.resolve(YamlFormat.path(map.require("cert"))),
        directory.resolve(YamlFormat.path(map.require("key"))),
        clientCa == null ? null : directory.resolve(YamlFormat.path(clientCa)));
  }

  private static PerPeer perPeer(@Nullable YamlValue value) throws ConfigException {
    if (value == null) {
      return PerPeer.AUTO;
    }
    return switch (value.text()) {
      case "auto" -> PerPeer.AUTO;
      case "on" -> PerPeer.ON;
      case "off" -> PerPeer.OFF;
      default -> throw value.place().error("must be auto, on or off");
    };
  }

  private static Set<Compat> compat(@Nullable YamlValue value) throws ConfigException {
    if (value == null) {
      return EnumSet.of(Compat.EXPORTER);
    }
    Set<Compat> compat = EnumSet.noneOf(Compat.class);
    for (YamlValue name : value.list()) {
      String text = name.text();
      compat.add(
          Arrays.stream(Compat.values())
              .filter(known -> known.text().equals(text))
              .findFirst()
              .orElseThrow(
                  () ->
                      name.place().error("'" + text + "' is not known; known: " + knownCompat())));
    }
    if (compat.containsAll(EnumSet.of(Compat.EXPORTER, Compat.CALICO))) {
      throw value
          .place()
          .error(
              "exporter and calico cannot be together: both have"
                  + " wireguard_latest_handshake_seconds, with different labels");
    }
    return compat;
  }

  private static String knownCompat() {
    return Arrays.stream(Compat.values()).map(Compat::text).collect(Collectors.joining(", "));
  }
}
