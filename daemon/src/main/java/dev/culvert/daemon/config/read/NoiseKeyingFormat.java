// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KeyingConfig;
import dev.culvert.daemon.config.NoiseKeyingConfig;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import dev.culvert.tunnel.noise.PublicKey;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code keying: noise}: each peer has a public key, and may have a preshared key. */
final class NoiseKeyingFormat implements KeyingFormat {
  private final Map<PublicKey, NoiseKeyingConfig.Peer> peers = new LinkedHashMap<>();

  @Override
  public boolean identifiesNodes() {
    return true;
  }

  @Override
  public KnownKeys peerKeys() {
    return KnownKeys.KEY_PAIR;
  }

  @Override
  public void identity(String name, PeerSettings settings) throws ConfigException {
    Given<PublicKey> key = settings.requirePublicKey();
    NoiseKeyingConfig.Peer peer =
        new NoiseKeyingConfig.Peer(
            name, key.value(), settings.presharedKey(), settings.keepaliveSeconds(), key.place());
    NoiseKeyingConfig.Peer other = peers.putIfAbsent(peer.publicKey(), peer);
    if (other != null) {
      throw key.place().error("the same key as the peer at " + other.place().lineText());
    }
  }

  @Override
  public KeyingConfig config(YamlMap section) throws ConfigException {
    YamlValue keyFile = section.get("keyFile");
    if (keyFile != null) {
      throw keyFile.place().error("with keying noise it is identity.privateKeyFile");
    }
    YamlValue esn = section.get("esn");
    if (esn != null && !esn.truth()) {
      throw esn.place().error("with keying noise sequence numbers have 64 bits");
    }
    return new NoiseKeyingConfig(List.copyOf(peers.values()));
  }
}
