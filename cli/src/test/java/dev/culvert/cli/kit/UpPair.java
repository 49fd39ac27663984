// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/** {@code culvert up} at both ends of an {@link EspPair}: each owns what is behind it there. */
public final class UpPair implements AutoCloseable {
  /** Where keys come from. */
  public enum Keys {
    WIREGUARD,
    GLOBAL,
    NOISE,
    MANUAL
  }

  private static final int SPI = 0x1000;

  /**
   * Manual SAs have records on disk. Each end gets its own place for them, which is gone with it.
   */
  private static final String OWN_RECORDS =
      "mkdir -p /var/lib/culvert /run/culvert/sequences"
          + " && mount -t tmpfs none /var/lib/culvert"
          + " && mount -t tmpfs none /run/culvert/sequences && ";

  private final EspPair pair;
  private final Keys keys;
  private final String more;
  private final UnaryOperator<String> change;
  private final List<Path> manual =
      List.of(keyFile(21, 1), keyFile(22, 1)); // sent under by host 1, by host 2
  private final Path global = keyFile(11, 3);
  private final List<WgNode.Keys> statics = List.of(WgNode.Keys.generate(), WgNode.Keys.generate());

  public final Path oursConfig;
  public final Daemon ours;
  private final Path peersConfig;
  private Daemon peers;

  public UpPair(EspPair pair, Keys keys) {
    this(pair, keys, "");
  }

  public UpPair(EspPair pair, Keys keys, String more) {
    this(pair, keys, more, text -> text);
  }

  /**
   * Starts both.
   *
   * @param more lines of the section {@code esp}, as in {@code encapsulation: raw}
   * @param change of our configuration, which ends with what is said of the peer
   */
  public UpPair(EspPair pair, Keys keys, String more, UnaryOperator<String> change) {
    this.pair = pair;
    this.keys = keys;
    this.more = more;
    this.change = change;
    oursConfig = config(1);
    peersConfig = config(2);
    ours = start(pair.ours, oursConfig);
    try {
      peers = start(pair.peers, peersConfig);
    } catch (RuntimeException e) {
      ours.close();
      throw e;
    }
  }

  public Daemon peers() {
    return peers;
  }

  /** Has the peer begin anew: it asks for a handshake when it starts. */
  public void restartPeers() {
    peers.close();
    peers = start(pair.peers, peersConfig);
  }

  private static Path keyFile(long seed, int id) {
    byte[] key = new byte[20];
    new Random(seed).nextBytes(key);
    return WgNode.secretFile(
        "%d rfc4106(gcm(aes)) %s 128".formatted(id, HexFormat.of().formatHex(key)));
  }

  /** The UDP port of such gateways. */
  public static int port(Keys keys) {
    return keys == Keys.WIREGUARD ? 51_820 : 4500;
  }

  /** What a gateway is called at this end. */
  public String device(int host) {
    return host == 1 ? pair.device : pair.device + "b";
  }

  private Daemon start(Namespace namespace, Path config) {
    List<String> up = Culvert.command("up", config.toString());
    if (keys == Keys.MANUAL) {
      List<String> enrol = Culvert.command("key", "enrol", config.toString(), "other");
      up = List.of("sh", "-c", OWN_RECORDS + quoted(enrol) + " && exec " + quoted(up));
    }
    Daemon daemon = namespace.start(Map.of(), up);
    try {
      daemon.awaitOutput("is up");
    } catch (RuntimeException e) {
      daemon.close();
      throw e;
    }
    return daemon;
  }

  private static String quoted(List<String> command) {
    return command.stream().map(word -> "'" + word + "'").collect(Collectors.joining(" "));
  }

  private Path config(int host) {
    int other = 3 - host;
    String text =
        """
        apiVersion: culvert.dev/v1alpha1
        kind: Gateway
        spec:
          engine: %1$s
          interface: {name: %2$s, addresses: [10.93.0.%3$d/24, 'fd93::%3$d/64'], listenPort: %8$d}
        %5$s
          peers:
            - name: other
              endpoint: "%6$s"
              allowedIps: [10.9%4$d.0.0/24, 'fd9%4$d::/64', 10.93.0.%4$d/32, 'fd93::%4$d/128']
        %7$s
        """
            .formatted(
                keys == Keys.WIREGUARD ? "wireguard" : "esp",
                device(host),
                host,
                other,
                ofNode(host).indent(2).stripTrailing(),
                endpoint(other),
                ofKeys(host).indent(6).stripTrailing(),
                port(keys));
    try {
      Path file = Path.of(WgNode.secretFile("") + ".yaml");
      file.toFile().deleteOnExit();
      return Files.writeString(file, host == 1 ? change.apply(text) : text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String endpoint(int host) {
    String address = pair.wireAddress(host);
    return (address.contains(":") ? "[" + address + "]" : address) + ":" + port(keys);
  }

  private String ofNode(int host) {
    String identity =
        "identity: {privateKeyFile: %s}%n"
            .formatted(WgNode.secretFile(statics.get(host - 1).privateKey()));
    if (keys == Keys.WIREGUARD) {
      return identity;
    }
    String esp =
        """
        internal: ['%2$s']
        podCIDRs: [10.9%3$d.0.0/24, 'fd9%3$d::/64', 10.93.0.%3$d/32, 'fd93::%3$d/128']
        esp:
          keying: %1$s
        """
                .formatted(
                    keys.name().toLowerCase(java.util.Locale.ROOT), pair.wireAddress(host), host)
            + (keys == Keys.GLOBAL ? "  keyFile: " + global + "\n" : "")
            + more.indent(2);
    return keys == Keys.NOISE ? identity + esp : esp;
  }

  private String ofKeys(int host) {
    int other = 3 - host;
    return switch (keys) {
      case GLOBAL -> "";
      case WIREGUARD, NOISE -> "publicKey: %s%n".formatted(statics.get(other - 1).publicKey());
      case MANUAL ->
          "inbound: {spi: %d, keyFile: %s}%noutbound: {spi: %d, keyFile: %s}%n"
              .formatted(SPI + other, manual.get(other - 1), SPI + host, manual.get(host - 1));
    };
  }

  /** What both said. */
  public String output() {
    return ours.output() + peers.output();
  }

  @Override
  public void close() {
    ours.close();
    peers.close();
    // The namespaces go, and rules and guards with them.
    for (int host = 1; host <= 2; host++) {
      try {
        Files.deleteIfExists(AdminServer.DIRECTORY.resolve(device(host) + ".guard"));
        Files.deleteIfExists(AdminServer.DIRECTORY.resolve(device(host) + ".settings"));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
