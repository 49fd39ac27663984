// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.esp;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Which (key, IV) pairs were on the wire. The wire does not name a packet's key, so each is tried
 * with the keys that its sender wrote down: the one whose ICV fits is its key. By the JDK's cipher,
 * which is not the one under test.
 */
final class KeyUse {
  private static final int ETHERNET = 14;
  private static final int IPV4 = 20;
  private static final int SOURCE = ETHERNET + 12;
  private static final int ESP = ETHERNET + IPV4 + 8;
  private static final int IV = ESP + 8;
  private static final int CIPHERTEXT = IV + 8;
  private static final int ICV_BITS = 128;

  private final Set<String> pairs = new HashSet<>();
  private final Set<String> keysSeen = new HashSet<>();
  private long packets;
  private long repeats;
  private long unknown;

  /** A key as it was written down, and where. */
  private record Key(String text, int spi, SecretKeySpec key, int salt) {
    static Key parse(String line) {
      String[] fields = line.split(" ", -1);
      return new Key(
          line,
          Integer.parseUnsignedInt(fields[0], 16),
          new SecretKeySpec(HexFormat.of().parseHex(fields[1]), "AES"),
          Integer.parseUnsignedInt(fields[2], 16));
    }
  }

  /** ESP in UDP over IPv4, and no message of a keying. */
  static boolean isEsp(byte[] packet) {
    return packet.length > CIPHERTEXT
        && packet[ETHERNET] == 0x45
        && packet[ETHERNET + 9] == 17
        && ByteBuffer.wrap(packet).getShort(ETHERNET + IPV4 + 2) == 4500
        && ByteBuffer.wrap(packet).getInt(ESP) != 0;
  }

  static int source(byte[] packet) {
    return ByteBuffer.wrap(packet).getInt(SOURCE);
  }

  /**
   * Counts packets.
   *
   * @param keyLogs by IPv4 address of the sender
   */
  void add(List<byte[]> captured, Map<Integer, Path> keyLogs)
      throws IOException, GeneralSecurityException {
    Map<Integer, List<Key>> keys = new HashMap<>();
    for (Map.Entry<Integer, Path> log : keyLogs.entrySet()) {
      List<Key> ofSender = new ArrayList<>();
      for (String line : Files.readAllLines(log.getValue())) {
        ofSender.add(Key.parse(line));
      }
      keys.put(log.getKey(), ofSender.reversed());
    }
    for (byte[] packet : captured) {
      add(packet, keys.getOrDefault(source(packet), List.of()));
    }
  }

  private void add(byte[] packet, List<Key> newestFirst) throws GeneralSecurityException {
    packets++;
    ByteBuffer bytes = ByteBuffer.wrap(packet);
    for (Key key : newestFirst) {
      if (key.spi == bytes.getInt(ESP) && fits(packet, key)) {
        keysSeen.add(key.text);
        if (!pairs.add(key.text + " " + Long.toHexString(bytes.getLong(IV)))) {
          repeats++;
        }
        return;
      }
    }
    unknown++;
  }

  /** With ESN the sequence number in full is authenticated; here it is the IV. */
  private static boolean fits(byte[] packet, Key key) throws GeneralSecurityException {
    byte[] nonce = ByteBuffer.allocate(12).putInt(key.salt).put(packet, IV, 8).array();
    Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
    cipher.init(Cipher.DECRYPT_MODE, key.key, new GCMParameterSpec(ICV_BITS, nonce));
    cipher.updateAAD(packet, ESP, 4);
    cipher.updateAAD(packet, IV, 8);
    int end = ETHERNET + Short.toUnsignedInt(ByteBuffer.wrap(packet).getShort(ETHERNET + 2));
    try {
      cipher.doFinal(packet, CIPHERTEXT, end - CIPHERTEXT);
      return true;
    } catch (AEADBadTagException e) {
      return false;
    }
  }

  long packets() {
    return packets;
  }

  /** Packets whose key and IV were used before. */
  long repeats() {
    return repeats;
  }

  /** Packets under no key that was written down: then the count would prove nothing. */
  long unknown() {
    return unknown;
  }

  int keys() {
    return keysSeen.size();
  }

  @Override
  public String toString() {
    return "%d packets under %d keys, %d pairs of key and IV, %d repeated, %d under unknown keys"
        .formatted(packets, keysSeen.size(), pairs.size(), repeats, unknown);
  }
}
