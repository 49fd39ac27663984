package dev.culvert.tunnel.esp.keying;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an end that gets no answer has in its exchange key beside the global key and the addresses:
 * ends that differ in it have no key in common, and would never learn why. It decides nothing: a
 * replayed one costs a wrong notice.
 *
 * <pre>
 *  0  magic "CUL" and version 1
 *  4  type 5 (1)   5  key id (1)   6  ESN, 0 or 1 (1)   7  zero (1)
 *  8  number of local ranges (2)  10  of remote ones (2)
 * 12  local ranges, then remote ones: address length (1), prefix length (1), address (4 or 16)
 *     HMAC-SHA-256 (32) over sender, receiver and all before
 * </pre>
 *
 * @param local behind the sender
 * @param remote behind the receiver, as the sender has it
 */
record RangesMessage(int keyId, boolean esn, List<Prefix> local, List<Prefix> remote) {
  private static final int TYPE = 5;
  private static final int HEADER = 12;
  private static final int PREFIX_HEADER = 2;

  /** What {@code pair} has, or null where that is too much for one message. */
  static @Nullable RangesMessage of(int keyId, boolean esn, EspPeerSettings pair) {
    RangesMessage message =
        new RangesMessage(keyId, esn, pair.selectors().local(), pair.selectors().remote());
    return message.length() <= Keying.MAX_MESSAGE ? message : null;
  }

  private int length() {
    return HEADER + length(local) + length(remote) + ExchangeMessage.MAC_LENGTH;
  }

  private static int length(List<Prefix> prefixes) {
    return prefixes.stream().mapToInt(p -> PREFIX_HEADER + p.address().bitLength() / 8).sum();
  }

  byte[] seal(SecretBytes key, IpAddress sender, IpAddress receiver) {
    ByteBuffer out = ByteBuffer.allocate(length());
    out.putInt(ExchangeMessage.MAGIC).put((byte) TYPE).put((byte) keyId);
    out.put((byte) (esn ? 1 : 0)).put((byte) 0);
    out.putShort((short) local.size()).putShort((short) remote.size());
    local.forEach(prefix -> put(out, prefix));
    remote.forEach(prefix -> put(out, prefix));
    int covered = out.position();
    return out.put(ExchangeMessage.mac(key, sender, receiver, out.array(), covered)).array();
  }

  private static void put(ByteBuffer out, Prefix prefix) {
    byte[] address = prefix.address().toBytes();
    out.put((byte) address.length).put((byte) prefix.length()).put(address);
  }

  /** Whether {@code sender} made {@code bytes} for {@code receiver}. */
  static boolean isAuthentic(byte[] bytes, SecretBytes key, IpAddress sender, IpAddress receiver) {
    return ExchangeMessage.isAuthentic(
        bytes, key, sender, receiver, bytes.length - ExchangeMessage.MAC_LENGTH);
  }

  /** Reads a message, or null where the bytes are none. Nothing is authenticated yet. */
  static @Nullable RangesMessage parse(byte[] bytes) {
    if (bytes.length < HEADER + ExchangeMessage.MAC_LENGTH || bytes.length > Keying.MAX_MESSAGE) {
      return null;
    }
    ByteBuffer in = ByteBuffer.wrap(bytes, 0, bytes.length - ExchangeMessage.MAC_LENGTH);
    int magic = in.getInt();
    int type = in.get();
    int keyId = in.get();
    int esn = in.get();
    int reserved = in.get();
    if (magic != ExchangeMessage.MAGIC
        || type != TYPE
        || !KeyIds.isValid(keyId)
        || (esn | 1) != 1
        || reserved != 0) {
      return null;
    }
    int locals = Short.toUnsignedInt(in.getShort());
    int remotes = Short.toUnsignedInt(in.getShort());
    List<Prefix> local = prefixes(in, locals);
    List<Prefix> remote = prefixes(in, remotes);
    return local == null || remote == null || in.hasRemaining()
        ? null
        : new RangesMessage(keyId, esn == 1, local, remote);
  }

  private static @Nullable List<Prefix> prefixes(ByteBuffer in, int count) {
    List<Prefix> prefixes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      if (in.remaining() < PREFIX_HEADER) {
        return null;
      }
      int bytes = in.get();
      int length = Byte.toUnsignedInt(in.get());
      if ((bytes != 4 && bytes != 16) || in.remaining() < bytes) {
        return null;
      }
      byte[] raw = new byte[bytes];
      in.get(raw);
      IpAddress address = IpAddress.ofBytes(raw);
      if (length > address.bitLength()) {
        return null;
      }
      prefixes.add(new Prefix(address, length));
    }
    return prefixes;
  }

  /**
   * Where this, which came from {@code peer}, and what this end has differ, in words; empty where
   * they do not.
   */
  String difference(boolean ourEsn, EspPeerSettings peer) {
    List<String> parts = new ArrayList<>();
    if (ourEsn != esn) {
      parts.add("esn is %s here and %s there".formatted(ourEsn, esn));
    }
    compare(parts, "our localRanges and its allowedIps", peer.selectors().local(), remote);
    compare(parts, "our allowedIps and its localRanges", peer.selectors().remote(), local);
    return String.join("; ", parts);
  }

  private static void compare(
      List<String> parts, String what, List<Prefix> here, List<Prefix> there) {
    List<Prefix> onlyHere = here.stream().filter(p -> !there.contains(p)).toList();
    List<Prefix> onlyThere = there.stream().filter(p -> !here.contains(p)).toList();
    if (!onlyHere.isEmpty() || !onlyThere.isEmpty()) {
      parts.add(what + " differ: only here " + some(onlyHere) + ", only there " + some(onlyThere));
    }
  }

  private static String some(List<Prefix> prefixes) {
    int most = 8;
    return prefixes.size() <= most
        ? prefixes.toString()
        : prefixes.subList(0, most) + " and " + (prefixes.size() - most) + " more";
  }
}
