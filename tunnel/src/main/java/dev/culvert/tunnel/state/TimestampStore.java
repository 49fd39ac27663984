// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;

/**
 * The newest handshake timestamp that a peer answered, kept on disk: peers refuse an older one, so
 * a node whose clock is reset at boot would be locked out without it. The written timestamp is a
 * little later than the answered one, so that one write serves for a while.
 */
final class TimestampStore {
  private static final Duration AHEAD = Duration.ofSeconds(30);
  private static final int MAX_BYTES = 256;
  private static final String FILE = "last-timestamp";

  private final Path file;
  private Instant written;

  private TimestampStore(Path file, Instant written) {
    this.file = file;
    this.written = written;
  }

  /**
   * Reads the timestamp of the last run.
   *
   * @throws IOException if the file exists but cannot be read or holds no timestamp
   */
  static TimestampStore open(Path directory) throws IOException {
    Files.createDirectories(directory, PrivateFile.FOLDER_MODE);
    Path file = directory.resolve(FILE);
    try {
      return new TimestampStore(file, Instant.parse(read(file)));
    } catch (NoSuchFileException e) {
      return new TimestampStore(file, Instant.EPOCH);
    } catch (PrivateFile.RefusedException e) {
      throw new IOException(file + ": " + e.reason(), e);
    } catch (DateTimeParseException e) {
      throw new IOException(
          file + " holds no timestamp; delete it if this node's clock is right", e);
    }
  }

  private static String read(Path file) throws IOException {
    return new String(PrivateFile.read(file, MAX_BYTES), StandardCharsets.UTF_8).strip();
  }

  /**
   * The timestamp that an engine that starts at {@code wallNow} must exceed. A right clock is later
   * than the last answered timestamp, though perhaps not than the written one; then there is no
   * restriction, so that restarts do not push timestamps into the future.
   */
  Instant floor(Instant wallNow) {
    return wallNow.isBefore(written.minus(AHEAD)) ? written : Instant.EPOCH;
  }

  /** Notes that a peer answered {@code timestamp}. */
  void answered(Instant timestamp) throws IOException {
    if (!timestamp.isAfter(written)) {
      return;
    }
    Instant next = timestamp.plus(AHEAD);
    PrivateFile.replace(file, next.toString().getBytes(StandardCharsets.UTF_8));
    written = next;
  }
}
