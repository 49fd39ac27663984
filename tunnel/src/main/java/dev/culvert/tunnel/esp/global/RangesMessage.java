// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tells the peer the inputs of our exchange key beside the global key and the addresses. Sent if
 * hellos get no answer: ends that differ in these inputs have different keys, and could not find
 * the reason otherwise. It changes no keys, so that a replay only causes a wrong notice.
 *
 * <pre>
 *  0  magic "CUL" and version 1
 *  4  type 5 (1)   5  key id (1)   6  zero (2)
 *  8  nonce (16)
 * 24  hidden by a mask that is derived for this nonce alone:
 *     ESN, 0 or 1 (1)   number of local ranges (2)   number of remote ones (2)
 *     local ranges, then remote ones: address length (1), prefix length (1), address (4 or 16)
 *     HMAC-SHA-256 (32) over sender, receiver and all before
 * </pre>
 *
 * @param local the ranges behind the sender
 * @param remote the ranges behind the receiver in the sender's configuration
 */
record RangesMessage(boolean esn, List<Prefix> local, List<Prefix> remote) {
  private static final int TYPE = 5;
  private static final int NONCE = 8;
  private static final int BODY = NONCE + Epoch.LENGTH;
  private static final int COUNTS = 5;
  private static final int PREFIX_HEADER = 2;
  private static final int MAC = MessageMac.LENGTH;

  /** Whether it fits into a message. */
  boolean fits() {
    return length() <= Keying.MAX_MESSAGE;
  }

  private int length() {
    return BODY + COUNTS + length(local) + length(remote) + MAC;
  }

  private static int length(List<Prefix> prefixes) {
    return prefixes.stream().mapToInt(p -> PREFIX_HEADER + p.address().bitLength() / 8).sum();
  }

  /**
   * The message's bytes, from our node to the peer's.
   *
   * @param nonce random, for this message only
   * @param macKey the pair's key for ranges under {@code key}
   */
  byte[] seal(GlobalKey key, EspPeerSettings pair, Epoch nonce, MacKey macKey, MessageMac mac) {
    ByteBuffer out = ByteBuffer.allocate(length());
    out.putInt(ExchangeMessage.MAGIC).put((byte) TYPE).put((byte) key.id()).putShort((short) 0);
    nonce.write(out);
    out.put((byte) (esn ? 1 : 0));
    out.putShort((short) local.size()).putShort((short) remote.size());
    local.forEach(prefix -> put(out, prefix));
    remote.forEach(prefix -> put(out, prefix));
    hide(out.array(), out.position(), key, pair, nonce);
    mac.seal(macKey, out.array());
    return out.array();
  }

  private static void put(ByteBuffer out, Prefix prefix) {
    byte[] address = prefix.address().toBytes();
    out.put((byte) address.length).put((byte) prefix.length()).put(address);
  }

  /** Hides the body, or reveals it. */
  private static void hide(
      byte[] message, int end, GlobalKey key, EspPeerSettings pair, Epoch nonce) {
    byte[] mask = KeySchedule.rangesMask(key, pair, nonce, end - BODY);
    for (int i = BODY; i < end; i++) {
      message[i] ^= mask[i - BODY];
    }
    Arrays.fill(mask, (byte) 0);
  }

  /**
   * Whether length and first bytes are those of such a message. Allocates nothing, since lanes call
   * it.
   */
  static boolean isOne(byte[] bytes, int length) {
    return length >= BODY + COUNTS + MAC
        && length <= Keying.MAX_MESSAGE
        && ExchangeMessage.hasMagic(bytes)
        && bytes[ExchangeMessage.TYPE] == TYPE
        && bytes[ExchangeMessage.KEY_ID + 1] == 0
        && bytes[ExchangeMessage.KEY_ID + 2] == 0;
  }

  /** The nonce of a message for which {@link #isOne} is true. */
  static Epoch nonce(byte[] bytes) {
    return Epoch.read(ByteBuffer.wrap(bytes).position(NONCE));
  }

  /**
   * Parses an authentic message.
   *
   * @param bytes a message for which {@link #isOne} is true
   * @param key the global key that it names
   * @return null if it holds no ranges
   */
  static @Nullable RangesMessage open(byte[] bytes, GlobalKey key, EspPeerSettings pair) {
    int covered = bytes.length - MAC;
    byte[] plain = bytes.clone();
    hide(plain, covered, key, pair, nonce(bytes));
    ByteBuffer in = ByteBuffer.wrap(plain, 0, covered).position(BODY);
    boolean esn = in.get() == 1;
    int locals = Short.toUnsignedInt(in.getShort());
    int remotes = Short.toUnsignedInt(in.getShort());
    List<Prefix> local = prefixes(in, locals);
    List<Prefix> remote = prefixes(in, remotes);
    return local == null || remote == null || in.hasRemaining()
        ? null
        : new RangesMessage(esn, local, remote);
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
   * The differences between this message, which came from {@code peer}, and this end's settings, as
   * text; empty if there are none.
   */
  String difference(boolean ourEsn, EspPeerSettings peer) {
    List<String> parts = new ArrayList<>();
    if (ourEsn != esn) {
      parts.add("esn is %s here and %s there".formatted(ourEsn, esn));
    }
    compare(parts, "our podCIDRs and its allowedIps", peer.agreed().local(), remote);
    compare(parts, "our allowedIps and its podCIDRs", peer.agreed().remote(), local);
    return String.join("; ", parts);
  }

  private static void compare(
      List<String> parts, String kind, List<Prefix> here, List<Prefix> there) {
    List<Prefix> onlyHere = here.stream().filter(p -> !there.contains(p)).toList();
    List<Prefix> onlyThere = there.stream().filter(p -> !here.contains(p)).toList();
    if (!onlyHere.isEmpty() || !onlyThere.isEmpty()) {
      parts.add(kind + " differ: only here " + some(onlyHere) + ", only there " + some(onlyThere));
    }
  }

  private static String some(List<Prefix> prefixes) {
    int most = 8;
    return prefixes.size() <= most
        ? prefixes.toString()
        : prefixes.subList(0, most) + " and " + (prefixes.size() - most) + " more";
  }
}
