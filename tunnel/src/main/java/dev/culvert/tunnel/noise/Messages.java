// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Every size, offset and limit of the handshake (WireGuard paper, sections 5.4 and 6.1). Lengths
 * and offsets in bytes, times in nanoseconds. All integers on the wire are little-endian; the type
 * and its three reserved zero bytes are read as one.
 */
public final class Messages {
  static final byte[] CONSTRUCTION = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s".getBytes(US_ASCII);

  public static final int KEY_LENGTH = 32;
  public static final int TAG_LENGTH = 16;
  public static final int MAC_LENGTH = 16;
  public static final int TIMESTAMP_LENGTH = 12;
  public static final int COOKIE_LENGTH = 16;
  public static final int COOKIE_NONCE_LENGTH = 24;

  public static final int TYPE = 0;
  public static final int TYPE_LENGTH = 4;
  public static final int INDEX_LENGTH = 4;

  public static final int INITIATION = 1;
  public static final int INITIATION_SENDER = TYPE + TYPE_LENGTH;
  public static final int INITIATION_NOISE = INITIATION_SENDER + INDEX_LENGTH;
  public static final int INITIATION_NOISE_LENGTH =
      KEY_LENGTH + KEY_LENGTH + TAG_LENGTH + TIMESTAMP_LENGTH + TAG_LENGTH;
  public static final int INITIATION_LENGTH =
      INITIATION_NOISE + INITIATION_NOISE_LENGTH + MAC_LENGTH + MAC_LENGTH;

  public static final int RESPONSE = 2;
  public static final int RESPONSE_SENDER = TYPE + TYPE_LENGTH;
  public static final int RESPONSE_RECEIVER = RESPONSE_SENDER + INDEX_LENGTH;
  public static final int RESPONSE_NOISE = RESPONSE_RECEIVER + INDEX_LENGTH;
  public static final int RESPONSE_NOISE_LENGTH = KEY_LENGTH + TAG_LENGTH;
  public static final int RESPONSE_LENGTH =
      RESPONSE_NOISE + RESPONSE_NOISE_LENGTH + MAC_LENGTH + MAC_LENGTH;

  public static final int COOKIE_REPLY = 3;
  public static final int COOKIE_REPLY_RECEIVER = TYPE + TYPE_LENGTH;
  public static final int COOKIE_REPLY_NONCE = COOKIE_REPLY_RECEIVER + INDEX_LENGTH;
  public static final int COOKIE_REPLY_COOKIE = COOKIE_REPLY_NONCE + COOKIE_NONCE_LENGTH;
  public static final int COOKIE_REPLY_LENGTH = COOKIE_REPLY_COOKIE + COOKIE_LENGTH + TAG_LENGTH;

  public static final long REKEY_AFTER_TIME = SECONDS.toNanos(120);
  public static final long REJECT_AFTER_TIME = SECONDS.toNanos(180);
  public static final long REKEY_ATTEMPT_TIME = SECONDS.toNanos(90);
  public static final long REKEY_TIMEOUT = SECONDS.toNanos(5);
  public static final int REKEY_TIMEOUT_JITTER_MAX = (int) MILLISECONDS.toNanos(334);

  /** The age from which an unanswered initiation means that the peer does not answer. */
  static final long ANSWER_OVERDUE = 2 * REKEY_TIMEOUT;

  /** The time after the last initiation for which a peer counts as wanted. */
  static final long WANTED_LATELY = SECONDS.toNanos(60);

  public static final int MAX_HANDSHAKE_ATTEMPTS = (int) (REKEY_ATTEMPT_TIME / REKEY_TIMEOUT);

  /**
   * So many attempts last until peers that still send under an old session begin anew themselves;
   * silent peers are left alone then.
   */
  public static final int MAX_GREETING_ATTEMPTS = 3;

  public static final long KEEPALIVE_TIMEOUT = SECONDS.toNanos(10);

  /** The longest interval of persistent keepalives; all are whole seconds. */
  static final long MAX_KEEPALIVE = SECONDS.toNanos(65_535);

  public static final long COOKIE_REFRESH_TIME = SECONDS.toNanos(120);
  public static final long ZERO_KEYS_AFTER_TIME = 3 * REJECT_AFTER_TIME;

  /** An initiator that still receives at this age rekeys before the session is refused. */
  public static final long LAST_MINUTE_REKEY_TIME =
      REJECT_AFTER_TIME - KEEPALIVE_TIMEOUT - REKEY_TIMEOUT;

  /** At most 50 initiations per second are consumed from one peer. */
  public static final long INITIATION_INTERVAL = SECONDS.toNanos(1) / 50;

  public static final int MAX_QUEUED_HANDSHAKES = 1024;
  public static final int MAX_PEERS = 1 << 16;

  private static final VarHandle INT_IN_ARRAY =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private Messages() {}

  public static int getInt(byte[] message, int offset) {
    return (int) INT_IN_ARRAY.get(message, offset);
  }

  public static void putInt(byte[] message, int offset, int value) {
    INT_IN_ARRAY.set(message, offset, value);
  }

  /** The length of a handshake message of {@code type}, 0 if there is no such message. */
  public static int handshakeLength(int type) {
    return switch (type) {
      case INITIATION -> INITIATION_LENGTH;
      case RESPONSE -> RESPONSE_LENGTH;
      case COOKIE_REPLY -> COOKIE_REPLY_LENGTH;
      default -> 0;
    };
  }
}
