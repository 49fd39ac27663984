package dev.culvert.tunnel.state;

import dev.culvert.tunnel.runtime.LimitedLog;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the newest handshake timestamp that a peer answered over restarts of a gateway, for either
 * engine. A disk that fails later costs a warning, not the session.
 */
public final class HandshakeTimestamps {
  private static final LimitedLog LOG = LimitedLog.of(HandshakeTimestamps.class);

  private final String device;
  private final @Nullable TimestampStore store;

  private HandshakeTimestamps(String device, @Nullable TimestampStore store) {
    this.device = device;
    this.store = store;
  }

  /**
   * Reads what the last run left, and has the engine begin after it. Who may not use the directory,
   * as one with CAP_NET_ADMIN who is not root, has a device that keeps no timestamps.
   *
   * @param directory where they are kept; null: nowhere
   * @param minimum told what no initiation may fall behind
   * @throws IOException if the kept file holds no timestamp
   */
  public static HandshakeTimestamps open(
      String device, @Nullable Path directory, Consumer<Instant> minimum) throws IOException {
    if (directory == null) {
      return new HandshakeTimestamps(device, null);
    }
    try {
      TimestampStore store = TimestampStore.open(directory);
      minimum.accept(store.floor(Instant.now()));
      return new HandshakeTimestamps(device, store);
    } catch (FileSystemException e) {
      LOG.warn(
          "{}: handshake timestamps are not kept, so peers may refuse this node after its clock is"
              + " reset: {}",
          device,
          e.toString());
      return new HandshakeTimestamps(device, null);
    }
  }

  /** Notes that a peer answered {@code timestamp}. */
  public void answered(Instant timestamp) {
    if (store != null) {
      try {
        store.answered(timestamp);
      } catch (IOException e) {
        LOG.warn(device, "{}: handshake timestamp not kept: {}", device, e.toString());
      }
    }
  }
}
