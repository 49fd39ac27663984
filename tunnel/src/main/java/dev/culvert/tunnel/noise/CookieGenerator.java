// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.crypto.Blake2s;
import dev.culvert.crypto.XChaCha20Poly1305;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Our side towards one peer (WireGuard paper, section 5.4.4): puts mac1 and mac2 on handshake
 * messages, and takes the cookie that a peer under load sends. Belongs to the control thread.
 */
public final class CookieGenerator {
  private final byte[] mac1Key;
  private final byte[] cookieKey;
  private byte @Nullable [] lastMac1;
  private byte @Nullable [] cookie;
  private long cookieExpires = Long.MIN_VALUE;

  public CookieGenerator(PublicKey peer, ProtocolLabels labels) {
    byte[] publicKey = peer.toByteArray();
    mac1Key = LocalIdentity.mac1Key(publicKey, labels);
    cookieKey = LocalIdentity.cookieKey(publicKey, labels);
  }

  void save(StateWriter out, long nowNanos) {
    byte[] valid = nowNanos < cookieExpires ? cookie : null;
    out.optional(lastMac1, out::bytes).optional(valid, out::bytes).time(cookieExpires, nowNanos);
  }

  void restore(StateReader in, long savedAtNanos) throws StateException {
    lastMac1 = in.optional(() -> in.bytes(Messages.MAC_LENGTH));
    cookie = in.optional(() -> in.bytes(Messages.COOKIE_LENGTH));
    cookieExpires = in.time(savedAtNanos);
  }

  public void addMacs(byte[] message, long nowNanos) {
    int mac1 = message.length - 2 * Messages.MAC_LENGTH;
    int mac2 = message.length - Messages.MAC_LENGTH;
    byte[] first = Blake2s.keyed16(mac1Key, Arrays.copyOf(message, mac1));
    System.arraycopy(first, 0, message, mac1, Messages.MAC_LENGTH);
    lastMac1 = first;
    byte[] proof = cookie;
    if (proof != null && nowNanos < cookieExpires) {
      byte[] second = Blake2s.keyed16(proof, Arrays.copyOf(message, mac2));
      System.arraycopy(second, 0, message, mac2, Messages.MAC_LENGTH);
    }
  }

  /**
   * Takes the cookie for the next message; false if the reply does not belong to our last message.
   */
  public boolean consume(byte[] reply, long nowNanos) {
    byte[] aad = lastMac1;
    if (aad == null) {
      return false;
    }
    byte[] nonce =
        Arrays.copyOfRange(reply, Messages.COOKIE_REPLY_NONCE, Messages.COOKIE_REPLY_COOKIE);
    byte[] sealed = Arrays.copyOfRange(reply, Messages.COOKIE_REPLY_COOKIE, reply.length);
    byte[] opened = XChaCha20Poly1305.open(cookieKey, nonce, aad, sealed);
    if (opened == null) {
      return false;
    }
    cookie = opened;
    cookieExpires = nowNanos + Messages.COOKIE_REFRESH_TIME;
    lastMac1 = null;
    return true;
  }
}
