package dev.culvert.tunnel.esp.keying;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
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
 * @param keyId the global key that authenticates this and makes the SAs
 * @param publishedId the newest key that the sender would send with
 * @param heldIds every key that the sender has, bit n for id n
 */
record ExchangeMessage(Type type, int keyId, int publishedId, int heldIds, Epochs epochs) {
  static final int LENGTH = 76;

  /** What all messages begin with. */
  static final int MAGIC = 'C' << 24 | 'U' << 16 | 'L' << 8 | 1;

  private static final int MAC_OFFSET = 44;
  static final int MAC_LENGTH = LENGTH - MAC_OFFSET;
  private static final String MAC = "HmacSHA256";

  enum Type {
    /** Initiator: its epoch. */
    HELLO,
    /** Responder: both epochs. Proves the responder fresh. */
    ANSWER,
    /** Initiator: both epochs. Proves the initiator fresh; it receives under the new keys. */
    CONFIRM,
    /** Responder: both epochs. It receives under the new keys as well. */
    ACK
  }

  /** The message's bytes, from {@code sender} to {@code receiver}. */
  byte[] seal(SecretBytes exchangeKey, IpAddress sender, IpAddress receiver) {
    ByteBuffer out = ByteBuffer.allocate(LENGTH);
    out.putInt(MAGIC).put((byte) (type.ordinal() + 1)).put((byte) keyId).put((byte) publishedId);
    out.put((byte) 0).putShort((short) heldIds).putShort((short) 0);
    epochs.initiator().write(out);
    epochs.responder().write(out);
    return out.put(mac(exchangeKey, sender, receiver, out.array(), MAC_OFFSET)).array();
  }

  /** Reads a message, or null where the bytes are none. Nothing is authenticated yet. */
  static @Nullable ExchangeMessage parse(byte[] bytes) {
    if (bytes.length != LENGTH) {
      return null;
    }
    ByteBuffer in = ByteBuffer.wrap(bytes);
    int magic = in.getInt();
    int type = in.get();
    int keyId = in.get();
    int publishedId = in.get();
    int reserved = in.get();
    int heldIds = Short.toUnsignedInt(in.getShort());
    reserved |= in.getShort();
    Epochs epochs = new Epochs(Epoch.read(in), Epoch.read(in));
    if (magic != MAGIC || type < 1 || type > Type.values().length || reserved != 0) {
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

  /** Whether {@code sender} made {@code bytes} for {@code receiver}. */
  static boolean isAuthentic(
      byte[] bytes, SecretBytes exchangeKey, IpAddress sender, IpAddress receiver) {
    return isAuthentic(bytes, exchangeKey, sender, receiver, MAC_OFFSET);
  }

  /** Whether what follows the first {@code covered} bytes is their MAC. */
  static boolean isAuthentic(
      byte[] bytes, SecretBytes macKey, IpAddress sender, IpAddress receiver, int covered) {
    return MessageDigest.isEqual(
        mac(macKey, sender, receiver, bytes, covered),
        Arrays.copyOfRange(bytes, covered, covered + MAC_LENGTH));
  }

  /** HMAC-SHA-256 over both ends and the first {@code covered} bytes. */
  static byte[] mac(
      SecretBytes macKey, IpAddress sender, IpAddress receiver, byte[] message, int covered) {
    byte[] key = macKey.toByteArray();
    try {
      Mac mac = Mac.getInstance(MAC);
      mac.init(new SecretKeySpec(key, MAC));
      addAddress(mac, sender);
      addAddress(mac, receiver);
      mac.update(message, 0, covered);
      return mac.doFinal();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has " + MAC, e);
    } finally {
      Arrays.fill(key, (byte) 0);
    }
  }

  private static void addAddress(Mac mac, IpAddress address) {
    byte[] bytes = address.toBytes();
    mac.update((byte) bytes.length);
    mac.update(bytes);
  }
}
