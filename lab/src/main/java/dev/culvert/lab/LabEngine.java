// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.crypto.X25519;
import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.tunnel.esp.global.KeyFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;

/** The protocol of the lab's gateways, in their keys and configurations. */
public enum LabEngine {
  WIREGUARD(EngineConfig.WireGuard.DEFAULT_PORT),

  /** ESP with a global key. */
  ESP(EspConfig.DEFAULT_PORT),

  /** ESP that is keyed by handshakes. */
  NOISE(EspConfig.DEFAULT_PORT);

  private static final int ESP_KEY_BYTES = 16;

  private final int port;

  LabEngine(int port) {
    this.port = port;
  }

  /** Whether each node has a key pair, and the other nodes know it by its public key. */
  boolean hasKeyPairs() {
    return this != ESP;
  }

  /** Writes the keys of the gateway of {@code site}. */
  public void makeKeys(LabSite site, Path folder) {
    if (hasKeyPairs()) {
      byte[] privateKey = X25519.generatePrivateKey(new SecureRandom());
      Base64.Encoder base64 = Base64.getEncoder();
      LabFiles.writePrivate(privateKey(site, folder), base64.encodeToString(privateKey) + "\n");
      publish(site, folder, base64.encodeToString(X25519.publicKey(privateKey)));
    } else {
      Path first = folder.resolve("first.esp");
      if (!Files.exists(first)) {
        LabFiles.writePrivate(first, newKey(1));
      }
      LabFiles.writePrivate(keyFile(site, folder), read(first));
    }
  }

  /**
   * Replaces or deletes the key, so that the next start of the gateway of {@code site} has another
   * key than the other nodes know.
   */
  void loseKey(LabSite site, Path folder) {
    try {
      if (hasKeyPairs()) {
        Files.delete(privateKey(site, folder)); // The start makes one.
      } else {
        LabFiles.writePrivate(keyFile(site, folder), newKey(2));
      }
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
    if (hasKeyPairs()) {
      publish(site, folder, publicKey);
      return;
    }
    String lines = read(keyFile(site, folder));
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.esp")) {
      for (Path file : files) {
        if (!read(file).contains(lines)) {
          LabFiles.writePrivate(file, read(file) + lines);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String newKey(int id) {
    return new String(KeyFile.newLine(id, ESP_KEY_BYTES, new SecureRandom()), US_ASCII);
  }

  /** The configuration of one of two gateways; both sites have their keys. */
  public String yaml(LabSite site, LabSite other, Path folder) {
    StringBuilder yaml = beginning(site, folder);
    if (this != WIREGUARD) {
      yaml.append(
          """
            internal: [%s]
            podCIDRs: [%s]
          """
              .formatted(site.wireAddress(), quoted(site.podCidrs())));
    }
    yaml.append(
        """
          clusterCIDRs: [10.42.0.0/16, "fd42::/16"]
          peers:
            - name: %s
              endpoint: %s:%d
              allowedIps: [%s]
        """
            .formatted(other.nodeName(), other.wireAddress(), port, quoted(other.podCidrs())));
    if (hasKeyPairs()) {
      yaml.append("      publicKey: %s%n".formatted(publicKey(other, folder)));
    }
    return yaml.toString();
  }

  /**
   * The configuration of one node of a cluster.
   *
   * @param nodes all of them, the control plane first; all have their keys
   */
  String clusterYaml(LabSite site, List<LabSite> nodes, Path folder) {
    StringBuilder yaml = beginning(site, folder);
    yaml.append(
        """
          node: %s
          clusterCIDRs: [10.42.0.0/16, "fd42::/16"]
          nodes:
        """
            .formatted(site.nodeName()));
    for (LabSite node : nodes) {
      yaml.append(
          "    - {name: %s, roles: [%s], internal: [%s, '%s'], podCIDRs: [%s]%s}%n"
              .formatted(
                  node.nodeName(),
                  node.equals(nodes.getFirst()) ? "control-plane" : "worker",
                  node.wireAddress(),
                  node.wireAddressV6(),
                  quoted(node.podCidrs()),
                  hasKeyPairs() ? ", publicKey: " + publicKey(node, folder) : ""));
    }
    return yaml.toString();
  }

  private StringBuilder beginning(LabSite site, Path folder) {
    StringBuilder yaml = new StringBuilder();
    yaml.append(
        """
        apiVersion: culvert.dev/v1alpha1
        kind: Gateway
        metadata: {name: %s}
        spec:
          interface: {name: %s, listenPort: %d}
        """
            .formatted(site.nodeName(), site.interfaceName(), port));
    if (hasKeyPairs()) {
      yaml.append("  identity: {privateKeyFile: %s}%n".formatted(privateKey(site, folder)));
    }
    switch (this) {
      case WIREGUARD -> {}
      case ESP ->
          yaml.append("  engine: esp%n  esp:%n    keyFile: %s%n".formatted(keyFile(site, folder)));
      case NOISE -> yaml.append("  engine: esp\n  esp:\n    keying: noise\n");
    }
    return yaml;
  }

  /** The private key file of the gateway of {@code site}. */
  static Path privateKey(LabSite site, Path folder) {
    return folder.resolve(site.nodeName() + ".key");
  }

  /** The public key that other nodes know the gateway of {@code site} by. */
  static String publicKey(LabSite site, Path folder) {
    return read(folder.resolve(site.nodeName() + ".pub"));
  }

  private static void publish(LabSite site, Path folder, String publicKey) {
    LabFiles.writePrivate(folder.resolve(site.nodeName() + ".pub"), publicKey);
  }

  /** The global key file of the ESP gateway of {@code site}. */
  public static Path keyFile(LabSite site, Path folder) {
    return folder.resolve(site.nodeName() + ".esp");
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String quoted(List<String> ranges) {
    return String.join(", ", ranges.stream().map(range -> '"' + range + '"').toList());
  }
}
