// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.NoiseKeyingConfig;
import dev.culvert.daemon.config.read.Base64Key;
import dev.culvert.tunnel.esp.noise.NoisePeerKeys;
import dev.culvert.tunnel.noise.PublicKey;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * This node's static key pair, and the identities of its peers in handshakes.
 *
 * @param peers by name
 */
public record NoiseKeyMaterial(
    SecretBytes privateKey, PublicKey publicKey, Map<String, NoisePeerKeys> peers)
    implements KeyMaterial {
  /** Reads the keys. */
  static NoiseKeyMaterial read(NoiseKeyingConfig config, KeySource privateKey)
      throws ConfigException {
    SecretBytes own = Base64Key.read(privateKey);
    NoiseKeyMaterial read =
        new NoiseKeyMaterial(own, Identity.publicKey(own), new LinkedHashMap<>());
    try {
      for (NoiseKeyingConfig.Peer peer : config.peers()) {
        if (peer.publicKey().equals(read.publicKey)) {
          throw peer.place().error("is this node's own public key");
        }
        read.peers.put(peer.name(), read(peer));
      }
      return read;
    } catch (ConfigException e) {
      read.close();
      throw e;
    }
  }

  private static NoisePeerKeys read(NoiseKeyingConfig.Peer peer) throws ConfigException {
    KeySource presharedKey = peer.presharedKey();
    return new NoisePeerKeys(
        peer.publicKey(),
        presharedKey == null ? null : Base64Key.read(presharedKey),
        peer.persistentKeepalive());
  }

  @Override
  public void close() {
    privateKey.close();
    for (NoisePeerKeys peer : peers.values()) {
      SecretBytes presharedKey = peer.presharedKey();
      if (presharedKey != null) {
        presharedKey.close();
      }
    }
  }
}
