package dev.culvert.daemon.config.ready;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.read.KeyFile;
import dev.culvert.tunnel.esp.noise.NoisePeerKeys;
import dev.culvert.tunnel.noise.PublicKey;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads the files of ESP that is keyed by handshakes. */
final class NoiseKeysReader {
  private NoiseKeysReader() {}

  /** Makes this node's private key at the first start. */
  static DesiredEsp.Keys.Noise read(
      KeySource privateKey, EspConfig.Keys.Noise noise, SecureRandom random)
      throws ConfigException {
    Map<String, NoisePeerKeys> peers = new LinkedHashMap<>();
    SecretBytes own = Identity.loadOrCreate(privateKey, random);
    DesiredEsp.Keys.Noise keys = new DesiredEsp.Keys.Noise(own, publicKey(own), peers);
    try {
      for (EspConfig.NoisePeerConfig peer : noise.peers()) {
        if (peer.publicKey().equals(keys.publicKey())) {
          throw peer.place().error("is this node's own public key");
        }
        peers.put(peer.peer(), read(peer));
      }
      return keys;
    } catch (ConfigException e) {
      keys.close();
      throw e;
    }
  }

  private static NoisePeerKeys read(EspConfig.NoisePeerConfig peer) throws ConfigException {
    KeySource presharedKey = peer.presharedKey();
    return new NoisePeerKeys(
        peer.publicKey(),
        presharedKey == null ? null : KeyFile.read(presharedKey),
        peer.persistentKeepalive());
  }

  private static PublicKey publicKey(SecretBytes privateKey) {
    byte[] bytes = privateKey.toByteArray();
    try {
      return PublicKey.of(X25519.publicKey(bytes));
    } finally {
      Arrays.fill(bytes, (byte) 0);
    }
  }
}
