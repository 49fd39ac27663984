// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.socket;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Objects;

/**
 * Reads a connection and keeps the bytes of the present operation, so that it can be served again
 * from its first byte. Bytes that are not needed any more are wiped. Not thread-safe.
 */
final class OperationInput extends InputStream {
  /** Bytes of the longest operation that can be served again before it was read to its end. */
  static final int MAX_KEPT = 1 << 16;

  private static final int FIRST_CAPACITY = 4096;

  /** The connection. */
  @FunctionalInterface
  interface Source {
    /**
     * Waits for bytes.
     *
     * @param mayPause whether the operation can be served again
     * @return the number of bytes put into {@code target} from {@code offset} on; 0 at the end
     */
    int read(byte[] target, int offset, boolean mayPause) throws IOException;
  }

  private final Source source;
  private byte[] bytes = new byte[FIRST_CAPACITY];
  private int at;
  private int end;
  private boolean whole = true;

  OperationInput(Source source) {
    this.source = source;
  }

  /** Puts bytes before those of the source, which must not have been read yet. */
  void prepend(byte[] first) {
    bytes = Arrays.copyOf(first, Math.max(FIRST_CAPACITY, first.length));
    end = first.length;
  }

  @Override
  public int read() throws IOException {
    return at < end || fill() ? bytes[at++] & 0xff : -1;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, target.length);
    if (length == 0) {
      return 0;
    }
    if (at == end && !fill()) {
      return -1;
    }
    int count = Math.min(length, end - at);
    System.arraycopy(bytes, at, target, offset, count);
    at += count;
    return count;
  }

  private boolean fill() throws IOException {
    if (end == bytes.length) {
      makeRoom();
    }
    int count = source.read(bytes, end, whole);
    end += count;
    return count > 0;
  }

  private void makeRoom() {
    if (whole && bytes.length < MAX_KEPT) {
      byte[] larger = Arrays.copyOf(bytes, Math.min(MAX_KEPT, 2 * bytes.length));
      Arrays.fill(bytes, (byte) 0);
      bytes = larger;
    } else {
      whole = false;
      wipe();
    }
  }

  /** Forgets the bytes of the operation that was served. */
  void endOperation() {
    int rest = end - at;
    System.arraycopy(bytes, at, bytes, 0, rest);
    Arrays.fill(bytes, rest, end, (byte) 0);
    at = 0;
    end = rest;
    whole = true;
  }

  /** Goes back to the first byte of the present operation. */
  void restartOperation() {
    at = 0;
  }

  /** Whether bytes are here that no operation has used yet. */
  boolean hasBytes() {
    return at < end;
  }

  /** A copy of the bytes from the first one of the present operation on, for the caller to wipe. */
  byte[] kept() {
    return Arrays.copyOf(bytes, end);
  }

  /** Forgets everything. */
  void wipe() {
    Arrays.fill(bytes, (byte) 0);
    at = 0;
    end = 0;
  }
}
