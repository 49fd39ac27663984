// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.crypto.SecretBytes;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * The key file, in the format of Cilium's IPsec secret: one key per line, {@code <id>[+]
 * rfc4106(gcm(aes)) <hex> 128}. The key of the last line is for sending, those before stay valid
 * for receiving. A file is accepted whole or not at all. Keys never become strings, which could not
 * be wiped.
 */
public final class KeyFile implements AutoCloseable {
  private static final String ALGORITHM = "rfc4106(gcm(aes))";
  private static final String FORM = "expected <id>[+] " + ALGORITHM + " <hex> 128";
  private static final String ICV_BITS = "128";
  private static final byte[] DIGITS = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

  private final List<GlobalKey> keys;

  private KeyFile(List<GlobalKey> keys) {
    this.keys = List.copyOf(keys);
  }

  /**
   * Parses a key file; the caller wipes {@code text}.
   *
   * @param file its name, for errors
   * @throws KeyFileException with line, key and reason of the first fault
   */
  public static KeyFile parse(String file, byte[] text) throws KeyFileException {
    List<GlobalKey> keys = new ArrayList<>();
    boolean complete = false;
    try {
      List<Integer> lines = new ArrayList<>();
      int number = 0;
      for (int start = 0; start < text.length; ) {
        int end = start;
        while (end < text.length && text[end] != '\n') {
          end++;
        }
        number++;
        List<int[]> fields = fields(text, start, end);
        if (!fields.isEmpty()) {
          GlobalKey key = new Line(file, number, text, fields).parse();
          keys.add(key);
          compareWithEarlier(file, number, key, keys, lines);
          lines.add(number);
        }
        start = end + 1;
      }
      if (keys.isEmpty()) {
        throw new KeyFileException(file, 0, "", "no key in it; " + FORM);
      }
      complete = true;
      return new KeyFile(keys);
    } finally {
      if (!complete) {
        keys.forEach(GlobalKey::close);
      }
    }
  }

  /**
   * A line with a new key, with its end; the caller wipes it.
   *
   * @param id 1 to 15
   * @param aesKeyBytes 16 or 32
   * @param random unpredictable
   */
  public static byte[] newLine(int id, int aesKeyBytes, RandomGenerator random) {
    byte[] key = new byte[aesKeyBytes + GlobalKey.SALT_LENGTH];
    random.nextBytes(key);
    byte[] start = (id + " " + ALGORITHM + " ").getBytes(StandardCharsets.US_ASCII);
    byte[] end = (" " + ICV_BITS + "\n").getBytes(StandardCharsets.US_ASCII);
    ByteBuffer line = ByteBuffer.allocate(start.length + 2 * key.length + end.length).put(start);
    for (byte b : key) {
      line.put(DIGITS[b >> 4 & 15]).put(DIGITS[b & 15]);
    }
    Arrays.fill(key, (byte) 0);
    return line.put(end).array();
  }

  /**
   * The next contents: the published key's line and behind it a new key, of the next id. Keys
   * before the published one go, since nodes that still need them have them in memory. The caller
   * wipes both.
   *
   * @param text that this was parsed from
   */
  public byte[] rotated(byte[] text, RandomGenerator random) {
    byte[] last = lastLine(text);
    byte[] added = newLine(KeyIds.next(published().id()), published().aesKeyLength(), random);
    byte[] both = Arrays.copyOf(last, last.length + added.length);
    System.arraycopy(added, 0, both, last.length, added.length);
    Arrays.fill(last, (byte) 0);
    Arrays.fill(added, (byte) 0);
    return both;
  }

  /** The last line that is not blank, with a line's end. */
  private static byte[] lastLine(byte[] text) {
    int end = text.length;
    while (end > 0 && text[end - 1] <= ' ') {
      end--;
    }
    int start = end;
    while (start > 0 && text[start - 1] != '\n') {
      start--;
    }
    byte[] line = Arrays.copyOfRange(text, start, end + 1);
    line[end - start] = '\n';
    return line;
  }

  private static void compareWithEarlier(
      String file, int number, GlobalKey key, List<GlobalKey> keys, List<Integer> lines)
      throws KeyFileException {
    for (int i = 0; i < lines.size(); i++) {
      GlobalKey earlier = keys.get(i);
      String reason =
          earlier.id() == key.id()
              ? "this id is on line " + lines.get(i) + " already"
              : earlier.aesKeyLength() != key.aesKeyLength()
                  ? "AES-%d, but line %d has AES-%d: all keys have one length"
                      .formatted(8 * key.aesKeyLength(), lines.get(i), 8 * earlier.aesKeyLength())
                  : earlier.hasSameKeyAs(key)
                      ? "the same key as id %d on line %d: a new id needs a new key"
                          .formatted(earlier.id(), lines.get(i))
                      : "";
      if (!reason.isEmpty()) {
        throw new KeyFileException(file, number, Integer.toString(key.id()), reason);
      }
    }
  }

  /** Start and end of each run of bytes between blanks. */
  private static List<int[]> fields(byte[] text, int start, int end) {
    List<int[]> fields = new ArrayList<>();
    int from = -1;
    for (int i = start; i <= end; i++) {
      boolean blank = i == end || text[i] == ' ' || text[i] == '\t' || text[i] == '\r';
      if (blank && from >= 0) {
        fields.add(new int[] {from, i});
        from = -1;
      } else if (!blank && from < 0) {
        from = i;
      }
    }
    return fields;
  }

  /** All keys, in the file's order. They belong to this file: closing it wipes them. */
  public List<GlobalKey> keys() {
    return keys;
  }

  /** The last line's key: the one to send with once every peer has it. */
  public GlobalKey published() {
    return keys.getLast();
  }

  @Override
  public void close() {
    keys.forEach(GlobalKey::close);
  }

  @Override
  public String toString() {
    return "key file with " + keys;
  }

  /** One line, split into fields. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  private record Line(String file, int number, byte[] text, List<int[]> fields) {
    GlobalKey parse() throws KeyFileException {
      if (fields.size() < 2) {
        throw new KeyFileException(file, number, "", FORM);
      }
      int id = id();
      String key = Integer.toString(id);
      if (!field(1).equals(ALGORITHM)) {
        // Not quoted, since this may be the key if a field is missing.
        throw new KeyFileException(
            file, number, key, "only " + ALGORITHM + " is supported, AES-GCM with a 16-byte ICV");
      }
      if (fields.size() != 4) {
        throw new KeyFileException(file, number, key, FORM);
      }
      if (!field(3).equals(ICV_BITS)) {
        throw new KeyFileException(
            file, number, key, "the ICV must have 128 bits: shorter ones are refused");
      }
      return new GlobalKey(id, material(key));
    }

    private int id() throws KeyFileException {
      String digits = field(0);
      if (digits.endsWith("+")) {
        digits = digits.substring(0, digits.length() - 1);
      }
      boolean isNumber =
          !digits.isEmpty()
              && digits.length() <= 2
              && digits.chars().allMatch(c -> c >= '0' && c <= '9');
      if (!isNumber || !KeyIds.isValid(Integer.parseInt(digits))) {
        throw new KeyFileException(file, number, "", "the key id must be a number of 1 to 15");
      }
      return Integer.parseInt(digits);
    }

    private SecretBytes material(String key) throws KeyFileException {
      int from = fields.get(2)[0];
      int digits = fields.get(2)[1] - from;
      for (int i = 0; i < digits; i++) {
        if (!HexFormat.isHexDigit(text[from + i])) {
          throw new KeyFileException(file, number, key, "the key is not hexadecimal");
        }
      }
      if (digits % 2 != 0 || !GlobalKey.isKeyLength(digits / 2)) {
        throw new KeyFileException(
            file,
            number,
            key,
            ("%d hexadecimal digits; expected 40 (AES-128 key and salt) or 72 (AES-256 key and"
                    + " salt), and nothing is cut or filled up")
                .formatted(digits));
      }
      byte[] bytes = new byte[digits / 2];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] =
            (byte)
                (HexFormat.fromHexDigit(text[from + 2 * i]) << 4
                    | HexFormat.fromHexDigit(text[from + 2 * i + 1]));
      }
      String weakness = weakness(bytes);
      if (!weakness.isEmpty()) {
        Arrays.fill(bytes, (byte) 0);
        throw new KeyFileException(
            file, number, key, weakness + "; make one with: culvert key gen --esp");
      }
      return SecretBytes.owning(bytes);
    }

    private static String weakness(byte[] bytes) {
      int or = 0;
      for (int i = 0; i < bytes.length - GlobalKey.SALT_LENGTH; i++) {
        or |= bytes[i];
      }
      if (or == 0) {
        return "the key is all zeros";
      }
      if (SampleKeys.isPublished(bytes)) {
        return "a sample key that everybody knows";
      }
      return SampleKeys.isPattern(bytes) ? "a pattern, not a random key" : "";
    }

    private String field(int index) {
      int[] range = fields.get(index);
      return new String(text, range[0], range[1] - range[0], StandardCharsets.US_ASCII);
    }
  }
}
