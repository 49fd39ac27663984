// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the newest handshake timestamp that a peer answered across restarts of a gateway, for both
 * engines. If the disk fails later, it warns and the sessions go on.
 */
public final class HandshakeTimestamps {
  private static final EventLog LOG = EventLog.of(HandshakeTimestamps.class);

  private final String device;
  private final @Nullable TimestampStore store;

  private HandshakeTimestamps(String device, @Nullable TimestampStore store) {
    this.device = device;
    this.store = store;
  }

  /**
   * Reads the timestamp of the last run, and makes the engine begin after it. A process that may
   * not use the directory, such as one with CAP_NET_ADMIN but not root, keeps no timestamps.
   *
   * @param directory the directory for timestamps, or null to keep none
   * @param minimum receives the timestamp that all initiations must exceed
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
          LogEvent.TIMESTAMP_UNKEPT,
          "{}: handshake timestamps are not kept, so peers may refuse this node after its clock is"
              + " reset: {}",
          Field.tunnel(device),
          Field.reason(e));
      return new HandshakeTimestamps(device, null);
    }
  }

  /** Records that a peer answered {@code timestamp}. */
  public void answered(Instant timestamp) {
    if (store != null) {
      try {
        store.answered(timestamp);
      } catch (IOException e) {
        LOG.per(device)
            .warn(
                LogEvent.TIMESTAMP_UNKEPT,
                "{}: handshake timestamp not kept: {}",
                Field.tunnel(device),
                Field.reason(e));
      }
    }
  }
}
