// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.crypto.Blake2s;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.XChaCha20Poly1305;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * The side under load (WireGuard paper, section 5.4.7): demands proof that a sender receives
 * packets at its address and port, and keeps no state per sender. Belongs to the control thread.
 */
public final class CookieChecker {
  private static final int SECRET_LENGTH = 32;

  private final SecureRandom random;
  private final byte[] secret = new byte[SECRET_LENGTH];
  private long refreshAt = Long.MIN_VALUE;

  public CookieChecker(SecureRandom random) {
    this.random = random;
  }

  void save(StateWriter out, long nowNanos) {
    out.flag(nowNanos < refreshAt);
    if (nowNanos < refreshAt) {
      out.secret(SecretBytes.owning(secret)).time(refreshAt, nowNanos);
    }
  }

  /** Takes over the secret of another process, so that the cookies it gave stay valid. */
  void adopt(Saved saved) {
    byte[] copy = saved.secret.toByteArray();
    System.arraycopy(copy, 0, secret, 0, secret.length);
    SymmetricState.wipe(copy);
    refreshAt = saved.refreshAt;
  }

  static Saved read(StateReader in, long savedAtNanos) throws StateException {
    SecretBytes secret = in.secret(SECRET_LENGTH);
    try {
      return new Saved(secret, in.time(savedAtNanos));
    } catch (StateException e) {
      secret.close();
      throw e;
    }
  }

  /**
   * The secret of another process.
   *
   * @param refreshAt the time at which it is replaced
   */
  record Saved(SecretBytes secret, long refreshAt) implements AutoCloseable {
    @Override
    public void close() {
      secret.close();
    }
  }

  /** Whether mac2 of an initiation or response was made with the cookie of {@code from}. */
  public boolean mac2Matches(byte[] message, Endpoint from, long nowNanos) {
    if (nowNanos >= refreshAt) {
      return false;
    }
    int mac2 = message.length - Messages.MAC_LENGTH;
    byte[] expected = Blake2s.keyed16(cookie(from), Arrays.copyOf(message, mac2));
    return MessageDigest.isEqual(expected, Arrays.copyOfRange(message, mac2, message.length));
  }

  /** A cookie reply to {@code message}, whose mac1 was checked. */
  public byte[] reply(
      byte[] message, int senderIndex, Endpoint from, LocalIdentity identity, long nowNanos) {
    if (nowNanos >= refreshAt) {
      random.nextBytes(secret);
      refreshAt = nowNanos + Messages.COOKIE_REFRESH_TIME;
    }
    byte[] nonce = new byte[Messages.COOKIE_NONCE_LENGTH];
    random.nextBytes(nonce);
    int mac1 = message.length - 2 * Messages.MAC_LENGTH;
    byte[] aad = Arrays.copyOfRange(message, mac1, mac1 + Messages.MAC_LENGTH);
    byte[] reply = new byte[Messages.COOKIE_REPLY_LENGTH];
    Messages.putInt(reply, Messages.TYPE, Messages.COOKIE_REPLY);
    Messages.putInt(reply, Messages.COOKIE_REPLY_RECEIVER, senderIndex);
    ByteBuffer.wrap(reply)
        .position(Messages.COOKIE_REPLY_NONCE)
        .put(nonce)
        .put(XChaCha20Poly1305.seal(identity.cookieKey(), nonce, aad, cookie(from)));
    return reply;
  }

  private byte[] cookie(Endpoint from) {
    byte[] port = {(byte) (from.port() >>> 8), (byte) from.port()};
    return Blake2s.keyed16(secret, from.address().toBytes(), port);
  }
}
