package dev.culvert.daemon.config;

import dev.culvert.routing.EspPolicy;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.port.Encapsulation;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A gateway that speaks ESP.
 *
 * @param nodeAddresses this node's, as its peers name it: at most one a family
 * @param localRanges what is behind this node: the same that its peers have as its allowedIps
 * @param policy how finely traffic is divided among SAs; null where the file has peers, whose SAs
 *     are for the ranges that it lists
 * @param esn whether sequence numbers have 64 bits: the same at all nodes
 * @param encapsulation what carries sealed packets: the same at all nodes
 */
public record EspConfig(
    List<IpAddress> nodeAddresses,
    List<Prefix> localRanges,
    EspPolicy.@Nullable Form policy,
    boolean esn,
    Encapsulation encapsulation,
    Keys keys,
    List<Peer> peers)
    implements EngineConfig {
  public static final int DEFAULT_PORT = Encapsulation.ESP_PORT;

  public EspConfig {
    nodeAddresses = List.copyOf(nodeAddresses);
    localRanges = List.copyOf(localRanges);
    peers = List.copyOf(peers);
  }

  /**
   * Whether a peer can be at an address of this family: without a name for its node, both have it.
   */
  boolean reaches(Peer peer, boolean v4) {
    return peer.address() != null || nodeAddresses.stream().anyMatch(own -> own.v4() == v4);
  }

  /** Where keys come from. */
  public sealed interface Keys {
    /** The name in the configuration. */
    String keying();

    /** A key that all nodes share; what is sent under is derived from it. */
    record Global(Path file) implements Keys {
      @Override
      public String keying() {
        return "global";
      }
    }

    /** Handshakes of static keys, this node's being {@link GatewayConfig#privateKey}. */
    record Noise(List<NoisePeerConfig> peers) implements Keys {
      public Noise {
        peers = List.copyOf(peers);
      }

      @Override
      public String keying() {
        return "noise";
      }
    }

    /** Fixed keys, each peer's own. */
    record Manual(List<ManualSaConfig> sas) implements Keys {
      public Manual {
        sas = List.copyOf(sas);
      }

      @Override
      public String keying() {
        return "manual";
      }
    }
  }

  /**
   * Who a peer is to handshakes.
   *
   * @param peer the peer's name
   * @param presharedKey null for none
   * @param persistentKeepalive seconds, 0 for off
   * @param place where its public key is
   */
  public record NoisePeerConfig(
      String peer,
      PublicKey publicKey,
      @Nullable KeySource presharedKey,
      int persistentKeepalive,
      Place place) {}

  /**
   * One fixed key.
   *
   * @param peer the peer's name
   * @param outbound whether it is sent under
   * @param spi 256 to 0xffffffff, as it stands on the wire
   * @param file that holds the key
   * @param place where it is named
   */
  public record ManualSaConfig(String peer, boolean outbound, int spi, Path file, Place place) {}

  /**
   * One peer.
   *
   * @param endpoint where it is
   * @param address its node's address as both ends name it; null: the endpoint's
   * @param otherAddresses where it may be as well: all addresses of its node
   * @param allowedIps every address that is reached through it, and that it may send from
   * @param natKeepalive seconds without a packet to it after which a NAT's mapping is kept alive, 0
   *     for never; with handshakes that is theirs ({@link NoisePeerConfig#persistentKeepalive})
   */
  public record Peer(
      String name,
      HostPort endpoint,
      @Nullable IpAddress address,
      List<IpAddress> otherAddresses,
      List<Prefix> allowedIps,
      int natKeepalive) {
    public Peer {
      otherAddresses = List.copyOf(otherAddresses);
      allowedIps = List.copyOf(allowedIps);
    }
  }
}
