// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.PeerConfig;
import dev.culvert.daemon.config.read.Base64Key;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate.AllowedIpChange;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * A WireGuard configuration with its key files read. Peers whose endpoints are names have no
 * endpoint here.
 *
 * @param update names every peer with all of its settings; closing this wipes its secrets
 */
public record DesiredState(GatewayConfig config, DeviceUpdate update) implements Desired {
  private static final int KEY_LENGTH = Base64Key.KEY_LENGTH;

  /** Reads the key files. */
  public static DesiredState of(GatewayConfig config) throws ConfigException {
    List<SecretBytes> secrets = new ArrayList<>();
    try {
      SecretBytes privateKey = Base64Key.read(config.privateKey());
      secrets.add(privateKey);
      List<PeerUpdate> peers = new ArrayList<>();
      for (PeerConfig peer : config.peers()) {
        SecretBytes presharedKey =
            peer.presharedKey() == null
                ? SecretBytes.owning(new byte[KEY_LENGTH])
                : Base64Key.read(peer.presharedKey());
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
        peer.endpoint() == null ? null : EndpointText.numeric(peer.endpoint()),
        peer.addresses(),
        OptionalInt.of(peer.persistentKeepalive()),
        true,
        peer.allowedIps().stream().map(p -> new AllowedIpChange(p, false)).toList());
  }

  /** This node's public key. */
  public PublicKey publicKey() {
    if (update.privateKey() == null) {
      throw new IllegalStateException("a wanted configuration has a key");
    }
    return Identity.publicKey(update.privateKey());
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
