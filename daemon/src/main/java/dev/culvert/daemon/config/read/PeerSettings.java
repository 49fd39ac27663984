// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.HostPort;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.Values;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import dev.culvert.tunnel.noise.PublicKey;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The settings that peers and nodes have in common, whatever they were read from. Which of them an
 * entry may have depends on the engine.
 *
 * @param place of the whole entry
 */
record PeerSettings(
    Place place,
    @Nullable Given<PublicKey> publicKey,
    @Nullable KeySource presharedKey,
    @Nullable HostPort endpoint,
    @Nullable Given<Integer> keepalive) {
  /**
   * The settings in a YAML file.
   *
   * @param directory the directory of relative paths
   */
  static PeerSettings of(YamlMap map, Path directory) throws ConfigException {
    YamlValue key = map.get("publicKey");
    YamlValue presharedKey = map.get("presharedKeyFile");
    YamlValue endpoint = map.get("endpoint");
    YamlValue keepalive = map.get("persistentKeepalive");
    return new PeerSettings(
        map.place(),
        key == null ? null : new Given<>(Values.publicKey(key.place(), key.text()), key.place()),
        presharedKey == null ? null : YamlFormat.inFile(directory, presharedKey),
        endpoint == null ? null : Values.endpoint(endpoint.place(), endpoint.text()),
        keepalive == null
            ? null
            : new Given<>(
                Values.keepalive(keepalive.place(), keepalive.text()), keepalive.place()));
  }

  Given<PublicKey> requirePublicKey() throws ConfigException {
    if (publicKey == null) {
      throw place.error("needs the key 'publicKey'");
    }
    return publicKey;
  }

  /** Seconds, 0 for off. */
  int keepaliveSeconds() {
    return keepalive == null ? 0 : keepalive.value();
  }
}
