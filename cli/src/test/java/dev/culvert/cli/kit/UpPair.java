// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/** {@code culvert up} at both ends of an {@link EspPair}: each owns the addresses behind it. */
public final class UpPair implements AutoCloseable {
  /** The source of keys. */
  public enum Keys {
    WIREGUARD(51_820) {
      @Override
      List<String> ofNode(UpPair pair, int host) {
        return List.of("engine: wireguard", pair.identity(host));
      }

      @Override
      List<String> ofPeer(UpPair pair, int host) {
        return List.of(pair.publicKey(host));
      }
    },

    GLOBAL(4500) {
      @Override
      List<String> ofNode(UpPair pair, int host) {
        return pair.esp(host, "keying: global", "keyFile: " + pair.global);
      }
    },

    NOISE(4500) {
      @Override
      List<String> ofNode(UpPair pair, int host) {
        List<String> settings = new ArrayList<>(pair.esp(host, "keying: noise"));
        settings.add(pair.identity(host));
        return settings;
      }

      @Override
      List<String> ofPeer(UpPair pair, int host) {
        return List.of(pair.publicKey(host));
      }
    },

    MANUAL(4500) {
      @Override
      List<String> ofNode(UpPair pair, int host) {
        return pair.esp(host, "keying: manual");
      }

      @Override
      List<String> ofPeer(UpPair pair, int host) {
        return List.of("inbound: " + pair.sentBy(host), "outbound: " + pair.sentBy(3 - host));
      }

      @Override
      List<String> start(Path config) {
        return enrolled(config, "");
      }
    },

    /** Manual SAs that have used most of their sequence numbers. */
    MANUAL_SPENT(4500) {
      @Override
      List<String> ofNode(UpPair pair, int host) {
        return MANUAL.ofNode(pair, host);
      }

      @Override
      List<String> ofPeer(UpPair pair, int host) {
        return MANUAL.ofPeer(pair, host);
      }

      @Override
      List<String> start(Path config) {
        return enrolled(config, quoted(SpentSequences.command()) + " && ");
      }
    };

    /** The UDP port of such gateways. */
    public final int port;

    Keys(int port) {
      this.port = port;
    }

    /** Enrols the keys and starts, with more commands of a shell in between. */
    private static List<String> enrolled(Path config, String more) {
      List<String> enrol = Culvert.command("key", "enrol", config.toString(), "other");
      List<String> up = Culvert.command("up", config.toString());
      return List.of(
          "sh", "-c", OWN_RECORDS + quoted(enrol) + " && " + more + "exec " + quoted(up));
    }

    /** Settings of the gateway at {@code host}. */
    abstract List<String> ofNode(UpPair pair, int host);

    /** Settings of the peer at {@code host}, for the gateway at the other end. */
    List<String> ofPeer(UpPair pair, int host) {
      return List.of();
    }

    /** The command that starts a gateway. */
    List<String> start(Path config) {
      return Culvert.command("up", config.toString());
    }
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
  private final List<String> more;
  private final UnaryOperator<String> change;
  private final Map<String, String> environment;
  private final List<Path> manual =
      List.of(keyFile(21, 1), keyFile(22, 1)); // sent under by host 1, by host 2
  private final Path global = keyFile(11, 3);
  private final List<WgNode.Keys> statics = List.of(WgNode.Keys.generate(), WgNode.Keys.generate());

  public final Path oursConfig;
  public final Daemon ours;
  private final Path peersConfig;
  private Daemon peers;

  public UpPair(EspPair pair, Keys keys) {
    this(pair, keys, List.of());
  }

  public UpPair(EspPair pair, Keys keys, List<String> more) {
    this(pair, keys, more, text -> text);
  }

  /**
   * Starts both, side by side.
   *
   * @param more settings of the section {@code esp}, as in {@code encapsulation: raw}
   * @param change of our configuration
   */
  public UpPair(EspPair pair, Keys keys, List<String> more, UnaryOperator<String> change) {
    this(pair, keys, more, change, Map.of());
  }

  /**
   * Starts both, side by side.
   *
   * @param environment of both, added to that of the test
   */
  public UpPair(
      EspPair pair,
      Keys keys,
      List<String> more,
      UnaryOperator<String> change,
      Map<String, String> environment) {
    this.environment = Map.copyOf(environment);
    this.pair = pair;
    this.keys = keys;
    this.more = List.copyOf(more);
    this.change = change;
    oursConfig = config(1);
    peersConfig = config(2);
    CompletableFuture<Daemon> starting =
        CompletableFuture.supplyAsync(() -> start(pair.ours, oursConfig));
    try {
      peers = start(pair.peers, peersConfig);
    } catch (RuntimeException e) {
      try {
        starting.join().close();
      } catch (CompletionException both) {
        e.addSuppressed(both);
      }
      throw e;
    }
    try {
      ours = starting.join();
    } catch (RuntimeException e) {
      peers.close();
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

  /** The name of the gateway at this end. */
  public String device(int host) {
    return host == 1 ? pair.device : pair.device + "b";
  }

  private Daemon start(Namespace namespace, Path config) {
    Daemon daemon = namespace.start(environment, keys.start(config));
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
    List<String> peer = new ArrayList<>(keys.ofPeer(this, other));
    peer.add("endpoint: '" + endpoint(other) + "'");
    peer.add("allowedIps: " + ranges(other));
    String text =
        GatewayYaml.of(
                device(host),
                "addresses: [10.93.0.%1$d/24, 'fd93::%1$d/64']".formatted(host),
                "listenPort: " + keys.port)
            .with(keys.ofNode(this, host).toArray(String[]::new))
            .peers(GatewayYaml.entry("other", peer.toArray(String[]::new)))
            .text();
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
    return (address.contains(":") ? "[" + address + "]" : address) + ":" + keys.port;
  }

  /** The ranges that a host owns. */
  private static String ranges(int host) {
    return "[10.9%1$d.0.0/24, 'fd9%1$d::/64', 10.93.0.%1$d/32, 'fd93::%1$d/128']".formatted(host);
  }

  private String identity(int host) {
    return "identity: {privateKeyFile: "
        + WgNode.secretFile(statics.get(host - 1).privateKey())
        + "}";
  }

  private String publicKey(int host) {
    return "publicKey: " + statics.get(host - 1).publicKey();
  }

  /** The manual SA that a host sends under. */
  private String sentBy(int host) {
    return "{spi: %d, keyFile: %s}".formatted(SPI + host, manual.get(host - 1));
  }

  /** Settings of an ESP gateway, with those that its keying and the test add to its section. */
  private List<String> esp(int host, String... settings) {
    List<String> esp = new ArrayList<>(List.of(settings));
    esp.addAll(more);
    return List.of(
        "engine: esp",
        "internal: ['" + pair.wireAddress(host) + "']",
        "podCIDRs: " + ranges(host),
        "esp: {" + String.join(", ", esp) + "}");
  }

  /** The private keys of both, in base64. */
  public List<String> privateKeys() {
    return statics.stream().map(WgNode.Keys::privateKey).toList();
  }

  /** The output of both. */
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
