package dev.culvert.tunnel.wireguard;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Every size, offset and limit of the WireGuard paper (sections 5.4 and 6.1) on one screen. Lengths
 * and offsets in bytes, times in nanoseconds. All integers on the wire are little-endian; the type
 * and its three reserved zero bytes are read as one.
 */
final class Messages {
  static final byte[] CONSTRUCTION = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s".getBytes(US_ASCII);
  static final byte[] IDENTIFIER = "WireGuard v1 zx2c4 Jason@zx2c4.com".getBytes(US_ASCII);
  static final byte[] LABEL_MAC1 = "mac1----".getBytes(US_ASCII);
  static final byte[] LABEL_COOKIE = "cookie--".getBytes(US_ASCII);

  static final int KEY_LENGTH = 32;
  static final int TAG_LENGTH = 16;
  static final int MAC_LENGTH = 16;
  static final int TIMESTAMP_LENGTH = 12;
  static final int COOKIE_LENGTH = 16;
  static final int COOKIE_NONCE_LENGTH = 24;

  static final int TYPE = 0;
  static final int TYPE_LENGTH = 4;
  static final int INDEX_LENGTH = 4;

  static final int INITIATION = 1;
  static final int INITIATION_SENDER = TYPE + TYPE_LENGTH;
  static final int INITIATION_NOISE = INITIATION_SENDER + INDEX_LENGTH;
  static final int INITIATION_NOISE_LENGTH =
      KEY_LENGTH + KEY_LENGTH + TAG_LENGTH + TIMESTAMP_LENGTH + TAG_LENGTH;
  static final int INITIATION_LENGTH =
      INITIATION_NOISE + INITIATION_NOISE_LENGTH + MAC_LENGTH + MAC_LENGTH;

  static final int RESPONSE = 2;
  static final int RESPONSE_SENDER = TYPE + TYPE_LENGTH;
  static final int RESPONSE_RECEIVER = RESPONSE_SENDER + INDEX_LENGTH;
  static final int RESPONSE_NOISE = RESPONSE_RECEIVER + INDEX_LENGTH;
  static final int RESPONSE_NOISE_LENGTH = KEY_LENGTH + TAG_LENGTH;
  static final int RESPONSE_LENGTH =
      RESPONSE_NOISE + RESPONSE_NOISE_LENGTH + MAC_LENGTH + MAC_LENGTH;

  static final int COOKIE_REPLY = 3;
  static final int COOKIE_REPLY_RECEIVER = TYPE + TYPE_LENGTH;
  static final int COOKIE_REPLY_NONCE = COOKIE_REPLY_RECEIVER + INDEX_LENGTH;
  static final int COOKIE_REPLY_COOKIE = COOKIE_REPLY_NONCE + COOKIE_NONCE_LENGTH;
  static final int COOKIE_REPLY_LENGTH = COOKIE_REPLY_COOKIE + COOKIE_LENGTH + TAG_LENGTH;

  static final int DATA = 4;
  static final int DATA_RECEIVER = TYPE + TYPE_LENGTH;
  static final int DATA_COUNTER = DATA_RECEIVER + INDEX_LENGTH;
  static final int DATA_HEADER = DATA_COUNTER + 8;
  static final int DATA_OVERHEAD = DATA_HEADER + TAG_LENGTH;
  static final int PADDING_MULTIPLE = 16;

  static final long REKEY_AFTER_MESSAGES = 1L << 60;
  static final long REJECT_AFTER_MESSAGES = -1L - (1L << 13);
  static final long REKEY_AFTER_TIME = SECONDS.toNanos(120);
  static final long REJECT_AFTER_TIME = SECONDS.toNanos(180);
  static final long REKEY_ATTEMPT_TIME = SECONDS.toNanos(90);
  static final long REKEY_TIMEOUT = SECONDS.toNanos(5);
  static final int REKEY_TIMEOUT_JITTER_MAX = (int) MILLISECONDS.toNanos(334);
  static final int MAX_HANDSHAKE_ATTEMPTS = (int) (REKEY_ATTEMPT_TIME / REKEY_TIMEOUT);
  static final long KEEPALIVE_TIMEOUT = SECONDS.toNanos(10);
  static final long COOKIE_REFRESH_TIME = SECONDS.toNanos(120);
  static final long ZERO_KEYS_AFTER_TIME = 3 * REJECT_AFTER_TIME;

  /** An initiator that still receives at this age rekeys before the session is refused. */
  static final long LAST_MINUTE_REKEY_TIME = REJECT_AFTER_TIME - KEEPALIVE_TIMEOUT - REKEY_TIMEOUT;

  /** At most 50 initiations a second are consumed from one peer. */
  static final long INITIATION_INTERVAL = SECONDS.toNanos(1) / 50;

  static final int MAX_QUEUED_HANDSHAKES = 1024;
  static final int MAX_PEERS = 1 << 16;

  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final VarHandle INT_IN_ARRAY =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private Messages() {}

  static int getInt(byte[] message, int offset) {
    return (int) INT_IN_ARRAY.get(message, offset);
  }

  static void putInt(byte[] message, int offset, int value) {
    INT_IN_ARRAY.set(message, offset, value);
  }

  /** The length of a handshake message of {@code type}, 0 where it is none. */
  static int handshakeLength(int type) {
    return switch (type) {
      case INITIATION -> INITIATION_LENGTH;
      case RESPONSE -> RESPONSE_LENGTH;
      case COOKIE_REPLY -> COOKIE_REPLY_LENGTH;
      default -> 0;
    };
  }
}
