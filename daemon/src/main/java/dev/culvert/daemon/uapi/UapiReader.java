// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.culvert.crypto.SecretBytes;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code key=value} lines. It holds one line at a time, as bytes, so that keys never become
 * strings and can be wiped. Lines and operations are bounded. The stream has a buffer of its own,
 * if it needs one: no byte is read ahead here.
 */
final class UapiReader implements AutoCloseable {
  static final int MAX_LINE = 512;
  static final long MAX_OPERATION = 16L << 20;

  private final InputStream in;
  private final byte[] line = new byte[MAX_LINE];
  private int length;
  private int equals;
  private long operationBytes;

  UapiReader(InputStream in) {
    this.in = in;
  }

  /** Starts counting for the next operation. */
  void beginOperation() {
    operationBytes = 0;
  }

  /** Lifts the limit for the rest of a refused operation, which is read but not kept. */
  void endLimit() {
    operationBytes = Long.MIN_VALUE;
  }

  /**
   * Moves to the next line.
   *
   * @return false at the end of the stream
   * @throws UapiException EPROTO if the line is too long, EMSGSIZE if the operation is, EIO if the
   *     stream ends within a line
   */
  boolean advance() throws IOException, UapiException {
    if (operationBytes > MAX_OPERATION) {
      throw new UapiException(
          "an operation of more than " + MAX_OPERATION + " bytes", UapiException.EMSGSIZE);
    }
    length = 0;
    equals = -1;
    while (true) {
      int next = in.read();
      if (next < 0) {
        if (length > 0) {
          throw new UapiException("the stream ends within a line", UapiException.EIO);
        }
        return false;
      }
      operationBytes++;
      if (next == '\n') {
        return true;
      }
      if (length == MAX_LINE) {
        throw UapiException.protocol("a line of more than " + MAX_LINE + " bytes");
      }
      if (next == '=' && equals < 0) {
        equals = length;
      }
      line[length++] = (byte) next;
    }
  }

  /** Whether this line ends an operation. */
  boolean isEmpty() {
    return length == 0;
  }

  /** Whether the whole line is {@code text}. */
  boolean is(String text) {
    return Arrays.equals(line, 0, length, text.getBytes(ISO_8859_1), 0, text.length());
  }

  /**
   * The text before the first equals sign.
   *
   * @throws UapiException EPROTO if there is none
   */
  String key() throws UapiException {
    if (equals < 0) {
      throw UapiException.protocol("a line without an equals sign");
    }
    return new String(line, 0, equals, ISO_8859_1);
  }

  /** The text after the first equals sign; never called for a secret. */
  String value() {
    return new String(line, equals + 1, length - equals - 1, ISO_8859_1);
  }

  /** The value as 32 bytes, or null if it is not 64 hexadecimal digits. The caller closes it. */
  @Nullable SecretBytes secret() {
    if (length - equals - 1 != 64) {
      return null;
    }
    byte[] secret = new byte[32];
    for (int i = 0; i < 64; i++) {
      int digit = Character.digit((char) (line[equals + 1 + i] & 0xff), 16);
      if (digit < 0) {
        Arrays.fill(secret, (byte) 0);
        return null;
      }
      secret[i / 2] = (byte) (secret[i / 2] << 4 | digit);
    }
    return SecretBytes.owning(secret);
  }

  /** Wipes the line that was read. The stream stays open: its owner closes it. */
  @Override
  public void close() {
    Arrays.fill(line, (byte) 0);
  }
}
