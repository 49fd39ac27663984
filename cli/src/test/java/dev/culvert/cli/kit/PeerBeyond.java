// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.lab.net.Namespace;

/**
 * A gateway that has a peer beyond a device of its own, so that it guards, and has settings to
 * write. The peer never answers.
 */
public final class PeerBeyond {
  private PeerBeyond() {}

  /** Makes the device, if it is not there yet. */
  public static void underlay(Namespace node) {
    if (!node.attempt("ip", "link", "show", "under").succeeded()) {
      node.ip("link", "add", "under", "type", "veth", "peer", "name", "beyond");
      node.up("beyond").address("under", "192.0.2.1/24").up("under");
    }
  }

  /**
   * The gateway's configuration.
   *
   * @param key the file of its private key
   */
  public static GatewayYaml gateway(String device, String key) {
    return GatewayYaml.of(device, "addresses: [10.66.0.1/24]")
        .with("identity: {privateKeyFile: '" + key + "'}")
        .with("clusterCIDRs: [10.66.0.0/16]")
        .peers(
            GatewayYaml.entry(
                "other",
                "publicKey: " + WgNode.Keys.generate().publicKey(),
                "endpoint: '192.0.2.2:51820'",
                "allowedIps: [10.66.0.2/32]"));
  }
}
