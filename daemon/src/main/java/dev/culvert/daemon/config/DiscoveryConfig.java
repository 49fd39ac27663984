// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import java.nio.file.Path;

/** The source of nodes that the configuration file does not name itself. */
public sealed interface DiscoveryConfig permits DiscoveryConfig.InFile, KubernetesConfig {
  /** The source in words, for messages. */
  String source();

  /** A file with more nodes. */
  record InFile(Path path) implements DiscoveryConfig {
    @Override
    public String source() {
      return path.toString();
    }
  }
}
