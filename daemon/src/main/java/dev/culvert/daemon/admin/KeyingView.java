// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import dev.culvert.daemon.admin.EspView.GlobalKeyView;
import dev.culvert.tunnel.esp.noise.NoisePeerStatus;
import dev.culvert.tunnel.noise.PublicKey;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The part of the views of an ESP gateway and its peers that depends on the keying.
 *
 * @param globalKey null if there is none
 * @param publicKey this node's public key for handshakes, null if there are no handshakes
 * @param handshakes with the peers
 */
public record KeyingView(
    @Nullable GlobalKeyView globalKey,
    @Nullable PublicKey publicKey,
    List<NoisePeerStatus> handshakes) {
  /** The view of a keying that has nothing but its SAs. */
  public static final KeyingView NOTHING = new KeyingView(null, null, List.of());

  public KeyingView {
    handshakes = List.copyOf(handshakes);
  }

  public static KeyingView of(GlobalKeyView globalKey) {
    return new KeyingView(globalKey, null, List.of());
  }

  public static KeyingView ofHandshakes(PublicKey publicKey, List<NoisePeerStatus> peers) {
    return new KeyingView(null, publicKey, peers);
  }
}
