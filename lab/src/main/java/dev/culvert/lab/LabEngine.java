// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.EspConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;

/** The protocol of the lab's gateways, in their keys and configurations. */
public enum LabEngine {
  WIREGUARD(EngineConfig.WireGuard.DEFAULT_PORT) {
    @Override
    String settings(LabSite site, Path folder) {
      return "";
    }

    @Override
    String ownAddresses(LabSite site) {
      return "";
    }
  },

  /** ESP with a global key. */
  ESP(EspConfig.DEFAULT_PORT) {
    @Override
    LabKeys keys() {
      return new LabGlobalKey();
    }

    @Override
    String settings(LabSite site, Path folder) {
      return "  engine: esp\n  esp:\n    keyFile: " + LabGlobalKey.file(site, folder) + "\n";
    }
  },

  /** ESP that is keyed by handshakes. */
  NOISE(EspConfig.DEFAULT_PORT) {
    @Override
    String settings(LabSite site, Path folder) {
      return "  engine: esp\n  esp:\n    keying: noise\n";
    }
  };

  private final int port;

  LabEngine(int port) {
    this.port = port;
  }

  LabKeys keys() {
    return new LabKeyPairs();
  }

  /** The settings that choose this engine, as lines. */
  abstract String settings(LabSite site, Path folder);

  /** The addresses and ranges that one of two gateways says it owns, as lines. */
  String ownAddresses(LabSite site) {
    return "  internal: [%s]%n  podCIDRs: [%s]%n"
        .formatted(site.wireAddress(), quoted(site.podCidrs()));
  }

  /** Writes the keys of the gateway of {@code site}. */
  public void makeKeys(LabSite site, Path folder) {
    keys().make(site, folder);
  }

  /**
   * Replaces or deletes the key, so that the next start of the gateway of {@code site} has another
   * key than the other nodes know.
   */
  void loseKey(LabSite site, Path folder) {
    try {
      keys().lose(site, folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Gives the other nodes the present key of the gateway of {@code site}.
   *
   * @param publicKey its public key, if there is one
   */
  void republish(LabSite site, Path folder, String publicKey) {
    try {
      keys().republish(site, folder, publicKey);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The configuration of one of two gateways; both sites have their keys. */
  public String yaml(LabSite site, LabSite other, Path folder) {
    return beginning(site, folder)
        + ownAddresses(site)
        + """
          clusterCIDRs: [10.42.0.0/16, "fd42::/16"]
          peers:
            - name: %s
              endpoint: %s:%d
              allowedIps: [%s]
        """
            .formatted(other.nodeName(), other.wireAddress(), port, quoted(other.podCidrs()))
        + line("      ", keys().ofPeer(other, folder));
  }

  /**
   * The configuration of one node of a cluster.
   *
   * @param nodes all of them, the control plane first; all have their keys
   */
  String clusterYaml(LabSite site, List<LabSite> nodes, Path folder) {
    StringBuilder yaml = new StringBuilder(beginning(site, folder));
    yaml.append(
        """
          node: %s
          clusterCIDRs: [10.42.0.0/16, "fd42::/16"]
          nodes:
        """
            .formatted(site.nodeName()));
    for (LabSite node : nodes) {
      String key = keys().ofPeer(node, folder);
      yaml.append(
          "    - {name: %s, roles: [%s], internal: [%s, '%s'], podCIDRs: [%s]%s}%n"
              .formatted(
                  node.nodeName(),
                  node.equals(nodes.getFirst()) ? "control-plane" : "worker",
                  node.wireAddress(),
                  node.wireAddressV6(),
                  quoted(node.podCidrs()),
                  key.isEmpty() ? "" : ", " + key));
    }
    return yaml.toString();
  }

  /**
   * The configuration of one node of a cluster whose nodes find each other through the API.
   *
   * @param controlPlane the address of the API server
   */
  String kubernetesYaml(LabSite site, Path folder, Path kubeconfig, String controlPlane) {
    return beginning(site, folder)
        + """
            clusterCIDRs: [10.42.0.0/16, "fd42::/16"]
            discovery:
              kubernetes:
                nodeName: %s
                controlPlane: [%s]
                kubeconfig: %s
                registrar: embedded
          """
            .formatted(site.nodeName(), controlPlane, kubeconfig);
  }

  private String beginning(LabSite site, Path folder) {
    return """
        apiVersion: culvert.dev/v1alpha1
        kind: Gateway
        metadata: {name: %s}
        spec:
          interface: {name: %s, listenPort: %d}
        """
            .formatted(site.nodeName(), site.interfaceName(), port)
        + line("  ", keys().ofNode(site, folder))
        + settings(site, folder);
  }

  private static String line(String indent, String setting) {
    return setting.isEmpty() ? "" : indent + setting + "\n";
  }

  private static String quoted(List<String> ranges) {
    return String.join(", ", ranges.stream().map(range -> '"' + range + '"').toList());
  }
}
