package dev.culvert.cli.config;

import dev.culvert.cli.uapi.EndpointText;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate.AllowedIpChange;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A configuration with its key files read and its names resolved: everything a device is to be.
 *
 * @param update names every peer with all that it has; closing this wipes its secrets
 */
public record DesiredState(GatewayConfig config, DeviceUpdate update) implements Desired {
  private static final int KEY_LENGTH = KeyFile.KEY_LENGTH;

  /** Reads the key files and asks the name service. Makes the private key at the first start. */
  public static DesiredState of(GatewayConfig config, SecureRandom random) throws ConfigException {
    List<SecretBytes> secrets = new ArrayList<>();
    try {
      SecretBytes privateKey = Identity.loadOrCreate(config.privateKey(), random);
      secrets.add(privateKey);
      List<PeerUpdate> peers = new ArrayList<>();
      for (PeerConfig peer : config.peers()) {
        SecretBytes presharedKey =
            peer.presharedKey() == null
                ? SecretBytes.owning(new byte[KEY_LENGTH])
                : KeyFile.read(peer.presharedKey());
        secrets.add(presharedKey);
        peers.add(peer(peer, presharedKey));
      }
      return new DesiredState(
          config,
          new DeviceUpdate(
              privateKey,
              OptionalInt.of(config.listenPort()),
              OptionalInt.of(config.socketMark()),
              true,
              peers));
    } catch (ConfigException e) {
      secrets.forEach(SecretBytes::close);
      throw e;
    }
  }

  private static PeerUpdate peer(PeerConfig peer, SecretBytes presharedKey) throws ConfigException {
    return new PeerUpdate(
        peer.publicKey(),
        false,
        false,
        presharedKey,
        peer.endpoint() == null ? null : resolve(peer.endpoint()),
        OptionalInt.of(peer.persistentKeepalive()),
        true,
        peer.allowedIps().stream().map(p -> new AllowedIpChange(p, false)).toList());
  }

  static Endpoint resolve(HostPort endpoint) throws ConfigException {
    Endpoint numeric = numeric(endpoint);
    if (numeric != null) {
      return numeric;
    }
    try {
      InetAddress address = InetAddress.getByName(endpoint.host());
      return Endpoint.of(IpAddress.ofBytes(address.getAddress()), endpoint.port());
    } catch (UnknownHostException e) {
      throw endpoint.place().error("'" + endpoint.host() + "' does not resolve");
    }
  }

  private static @Nullable Endpoint numeric(HostPort endpoint) throws ConfigException {
    if (endpoint.host().indexOf(':') < 0 && !Character.isDigit(endpoint.host().charAt(0))) {
      return null;
    }
    try {
      return EndpointText.parse(endpoint.toString());
    } catch (IllegalArgumentException e) {
      if (endpoint.host().indexOf(':') >= 0) {
        throw endpoint.place().error(String.valueOf(e.getMessage()));
      }
      return null; // a name that starts with a digit
    }
  }

  @Override
  public void close() {
    if (update.privateKey() != null) {
      update.privateKey().close();
    }
    for (PeerUpdate peer : update.peers()) {
      if (peer.presharedKey() != null) {
        peer.presharedKey().close();
      }
    }
  }
}
