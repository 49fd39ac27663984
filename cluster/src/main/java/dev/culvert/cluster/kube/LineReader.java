// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Reads lines of bounded length from a stream that never ends. */
final class LineReader {
  private static final int FIRST_SIZE = 8192;

  private final InputStream in;
  private final int limit;
  private byte[] buffer = new byte[FIRST_SIZE];
  private int start;
  private int end;

  LineReader(InputStream in, int limit) {
    this.in = in;
    this.limit = limit;
  }

  /**
   * The next line without its end, or null at the end of the stream.
   *
   * @throws IOException if the line is longer than the limit, or the stream ends within it
   */
  byte @Nullable [] next() throws IOException {
    int scanned = start;
    while (true) {
      for (; scanned < end; scanned++) {
        if (buffer[scanned] == '\n') {
          byte[] line = Arrays.copyOfRange(buffer, start, scanned);
          start = scanned + 1;
          return line;
        }
      }
      scanned -= start;
      makeRoom();
      int count = in.read(buffer, end, buffer.length - end);
      if (count < 0) {
        if (end > 0) {
          throw new IOException("the stream ended within a line");
        }
        return null;
      }
      end += count;
    }
  }

  private void makeRoom() throws IOException {
    int length = end - start;
    if (length > limit) {
      throw new IOException("a line of more than " + limit + " bytes");
    }
    byte[] from = buffer;
    if (length == buffer.length) {
      buffer = new byte[2 * length];
    } else if (length == 0 && buffer.length > FIRST_SIZE) {
      buffer = new byte[FIRST_SIZE]; // One large object must not keep its room for ever.
    }
    System.arraycopy(from, start, buffer, 0, length);
    start = 0;
    end = length;
  }
}
