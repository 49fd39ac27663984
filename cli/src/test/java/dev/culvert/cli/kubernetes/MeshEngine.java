// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.EspConfig;
import java.util.Map;

/** The engine of a mesh in which each node has a key of its own. */
enum MeshEngine {
  WIREGUARD("wireguard", EngineConfig.WireGuard.DEFAULT_PORT),

  /** ESP whose keys come from handshakes. */
  ESP("noise", EspConfig.DEFAULT_PORT);

  private final String engine;
  private final int port;

  MeshEngine(String engine, int port) {
    this.engine = engine;
    this.port = port;
  }

  /** Variables of gateways. */
  Map<String, String> variables() {
    return Map.of("CULVERT_ENGINE", engine);
  }

  /**
   * The fields of a node's claim.
   *
   * @param key in base64
   * @param address an IPv4 address
   */
  String claim(String uid, String key, String address) {
    return """
        "nodeUID": "%s", "engine": "%s", "publicKey": "%s", "endpoints": ["%s:%d"]
        """
        .formatted(uid, engine, key, address, port);
  }
}
