// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GlobalKeyingConfig;
import dev.culvert.daemon.config.KeyingConfig;
import dev.culvert.daemon.config.ManualKeyingConfig;
import dev.culvert.daemon.config.NoiseKeyingConfig;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import java.nio.file.Path;

/** One keying's part of {@link EspFormat}: its keys in the section and in the peers' entries. */
interface KeyingFormat {
  /**
   * The format of the keying that the section {@code esp} names.
   *
   * @param directory the directory of relative paths
   */
  static KeyingFormat of(YamlValue section, YamlMap keys, Path directory) throws ConfigException {
    YamlValue keying = keys.get("keying");
    String name = keying == null ? GlobalKeyingConfig.NAME : keying.text();
    return switch (name) {
      case GlobalKeyingConfig.NAME -> new GlobalKeyingFormat(directory);
      case NoiseKeyingConfig.NAME -> new NoiseKeyingFormat();
      case ManualKeyingConfig.NAME -> new ManualKeyingFormat(directory);
      default ->
          throw section.place().error("keying must be global, noise or manual, not '" + name + "'");
    };
  }

  /** Refuses a file of nodes if this keying is for peers alone. */
  default void checkNodes(YamlMap section) throws ConfigException {}

  /** Whether nodes are known by public keys too, not only by their addresses. */
  default boolean identifiesNodes() {
    return false;
  }

  /** Whether there can be an SA for each range of a node. */
  default boolean dividesByRange() {
    return false;
  }

  /** The keys in a peer's entry that depend on the keying. */
  KnownKeys peerKeys();

  /** Reads those keys of {@link #peerKeys} that {@link PeerSettings} does not have. */
  default void peer(YamlMap entry, String name) throws ConfigException {}

  /** Notes how a peer or a node is known in handshakes. */
  default void identity(String name, PeerSettings settings) throws ConfigException {}

  /** The keying, once all peers are read. */
  KeyingConfig config(YamlMap section) throws ConfigException;
}
