package dev.culvert.cli.lab;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.crypto.X25519;
import dev.culvert.tunnel.gateway.KeyFileWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;

/** What the lab's gateways speak, as their keys and configurations say it. */
enum LabEngine {
  WIREGUARD {
    @Override
    void makeKeys(LabSite site, Path folder) {
      makeKeyPair(site, folder);
    }

    @Override
    String yaml(LabSite site, LabSite other, Path folder) {
      return """
          apiVersion: culvert.dev/v1alpha1
          kind: Gateway
          metadata: {name: %s}
          spec:
            interface: {name: %s, listenPort: %d, mtu: 1420}
            identity: {privateKeyFile: %s}
            cluster: {cidrs: [10.42.0.0/16, "fd42::/16"]}
            peers:
              - name: %s
                publicKey: %s
                endpoint: %s:%d
                allowedIps: [%s]
          """
          .formatted(
              site.nodeName(),
              site.interfaceName(),
              WIREGUARD_PORT,
              privateKey(site, folder),
              other.nodeName(),
              publicKey(other, folder),
              other.wireAddress(),
              WIREGUARD_PORT,
              quoted(other.podCidrs()));
    }
  },

  ESP {
    // One for both nodes, each with its own copy.
    @Override
    void makeKeys(LabSite site, Path folder) {
      Path first = folder.resolve("esp.key");
      if (!Files.exists(first)) {
        LabFiles.writePrivate(
            first, new String(KeyFileWriter.newLine(1, 16, new SecureRandom()), US_ASCII));
      }
      LabFiles.writePrivate(keyFile(site, folder), read(first));
    }

    @Override
    String yaml(LabSite site, LabSite other, Path folder) {
      return """
          apiVersion: culvert.dev/v1alpha1
          kind: Gateway
          metadata: {name: %s}
          spec:
            engine: esp
            interface: {name: %s, mtu: 1410}
            cluster: {cidrs: [10.42.0.0/16, "fd42::/16"]}
            esp:
              keyFile: %s
              nodeAddresses: [%s]
              localRanges: [%s]
            peers:
              - name: %s
                endpoint: %s:4500
                allowedIps: [%s]
          """
          .formatted(
              site.nodeName(),
              site.interfaceName(),
              keyFile(site, folder),
              site.wireAddress(),
              quoted(site.podCidrs()),
              other.nodeName(),
              other.wireAddress(),
              quoted(other.podCidrs()));
    }
  },

  /** ESP that is keyed by handshakes. */
  NOISE {
    @Override
    void makeKeys(LabSite site, Path folder) {
      makeKeyPair(site, folder);
    }

    @Override
    String yaml(LabSite site, LabSite other, Path folder) {
      return """
          apiVersion: culvert.dev/v1alpha1
          kind: Gateway
          metadata: {name: %s}
          spec:
            engine: esp
            interface: {name: %s, mtu: 1410}
            identity: {privateKeyFile: %s.key}
            cluster: {cidrs: [10.42.0.0/16, "fd42::/16"]}
            esp:
              keying: noise
              nodeAddresses: [%s]
              localRanges: [%s]
            peers:
              - name: %s
                publicKey: %s
                endpoint: %s:4500
                allowedIps: [%s]
          """
          .formatted(
              site.nodeName(),
              site.interfaceName(),
              site.nodeName(),
              site.wireAddress(),
              quoted(site.podCidrs()),
              other.nodeName(),
              read(folder.resolve(other.nodeName() + ".pub")),
              other.wireAddress(),
              quoted(other.podCidrs()));
    }
  };

  static final int WIREGUARD_PORT = 51820;

  /** Writes the keys of the gateway of {@code site}. */
  abstract void makeKeys(LabSite site, Path folder);

  /** The configuration of the gateway of {@code site}; both sites have their keys. */
  abstract String yaml(LabSite site, LabSite other, Path folder);

  /** Where the WireGuard gateway of {@code site} has its private key. */
  static Path privateKey(LabSite site, Path folder) {
    return folder.resolve(site.nodeName() + ".key");
  }

  /** The key that others know the WireGuard gateway of {@code site} by. */
  static String publicKey(LabSite site, Path folder) {
    return read(folder.resolve(site.nodeName() + ".pub"));
  }

  /** From now on others know the WireGuard gateway of {@code site} by this key. */
  static void publish(LabSite site, Path folder, String publicKey) {
    LabFiles.writePrivate(folder.resolve(site.nodeName() + ".pub"), publicKey);
  }

  /** Where the ESP gateway of {@code site} has its global key. */
  static Path keyFile(LabSite site, Path folder) {
    return folder.resolve(site.nodeName() + ".esp");
  }

  /** A static key and its public half, each in a file of its own. */
  private static void makeKeyPair(LabSite site, Path folder) {
    byte[] privateKey = X25519.generatePrivateKey(new SecureRandom());
    Base64.Encoder base64 = Base64.getEncoder();
    LabFiles.writePrivate(privateKey(site, folder), base64.encodeToString(privateKey) + "\n");
    publish(site, folder, base64.encodeToString(X25519.publicKey(privateKey)));
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
