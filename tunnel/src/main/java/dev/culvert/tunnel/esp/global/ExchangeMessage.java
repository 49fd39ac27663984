// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One message of the exchange of epochs. All types have one layout and length, so that no answer is
 * longer than its question:
 *
 * <pre>
 *  0  magic "CUL" and version 1
 *  4  type (1)   5  key id (1)   6  published id (1)   7  zero (1)
 *  8  held ids, bit n for id n (2)   10  zero (2)
 * 12  epoch of the initiator (16)
 * 28  epoch of the responder (16), zero in a hello
 * 44  HMAC-SHA-256 (32) over sender, receiver and bytes 0 to 43
 * </pre>
 *
 * @param keyId the global key that authenticates this message and makes the SAs
 * @param publishedId the newest key that the sender wants to send with
 * @param heldIds every key that the sender has, bit n for id n
 */
record ExchangeMessage(Type type, int keyId, int publishedId, int heldIds, Epochs epochs) {
  static final int LENGTH = 76;

  /** The first four bytes of all messages. */
  static final int MAGIC = 'C' << 24 | 'U' << 16 | 'L' << 8 | 1;

  /** Offset of the type in all messages; 1 to 4 here. */
  static final int TYPE = 4;

  /** Offset in all messages of the id of the global key that authenticates them. */
  static final int KEY_ID = 5;

  private static final int TYPES = Type.values().length;

  enum Type {
    /** Initiator: its epoch. */
    HELLO,
    /** Responder: both epochs. Proves the responder fresh. */
    ANSWER,
    /** Initiator: both epochs. Proves the initiator fresh; it receives under the new keys. */
    CONFIRM,
    /** Responder: both epochs. The responder receives under the new keys too. */
    ACK
  }

  /** The bytes of the message from our node to the peer's. */
  byte[] seal(MacKey exchangeKey, MessageMac mac) {
    ByteBuffer out = ByteBuffer.allocate(LENGTH);
    out.putInt(MAGIC).put((byte) (type.ordinal() + 1)).put((byte) keyId).put((byte) publishedId);
    out.put((byte) 0).putShort((short) heldIds).putShort((short) 0);
    epochs.initiator().write(out);
    epochs.responder().write(out);
    mac.seal(exchangeKey, out.array());
    return out.array();
  }

  /**
   * Whether length and first bytes are those of such a message. Allocates nothing, since lanes call
   * it.
   */
  static boolean isOne(byte[] bytes, int length) {
    return length == LENGTH && hasMagic(bytes) && bytes[TYPE] >= 1 && bytes[TYPE] <= TYPES;
  }

  /** Whether the bytes, at least four, begin with {@link #MAGIC}. */
  static boolean hasMagic(byte[] bytes) {
    return bytes[0] == (byte) (MAGIC >>> 24)
        && bytes[1] == (byte) (MAGIC >>> 16)
        && bytes[2] == (byte) (MAGIC >>> 8)
        && bytes[3] == (byte) MAGIC;
  }

  /** Parses a message without authenticating it; null if it is malformed. */
  static @Nullable ExchangeMessage parse(byte[] bytes) {
    if (!isOne(bytes, bytes.length)) {
      return null;
    }
    ByteBuffer in = ByteBuffer.wrap(bytes);
    int type = in.get(TYPE);
    in.position(KEY_ID);
    int keyId = in.get();
    int publishedId = in.get();
    int reserved = in.get();
    int heldIds = Short.toUnsignedInt(in.getShort());
    reserved |= in.getShort();
    Epochs epochs = new Epochs(Epoch.read(in), Epoch.read(in));
    if (reserved != 0) {
      return null;
    }
    ExchangeMessage message =
        new ExchangeMessage(Type.values()[type - 1], keyId, publishedId, heldIds, epochs);
    return message.isWellFormed() ? message : null;
  }

  private boolean isWellFormed() {
    boolean answered = !epochs.responder().equals(Epoch.NONE);
    return KeyIds.isValid(keyId)
        && KeyIds.isValid(publishedId)
        && (heldIds & 1) == 0
        && holds(keyId)
        && holds(publishedId)
        && !epochs.initiator().equals(Epoch.NONE)
        && answered == (type != Type.HELLO);
  }

  boolean holds(int id) {
    return (heldIds >>> id & 1) != 0;
  }
}
