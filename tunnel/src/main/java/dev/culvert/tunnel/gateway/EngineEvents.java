// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.runtime.LimitedLog;
import dev.culvert.tunnel.state.HandshakeTimestamps;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Logs an engine's events, and stores the timestamps that have to outlive it. */
final class EngineEvents implements Consumer<TunnelEvent> {
  private static final LimitedLog LOG = LimitedLog.of(EngineEvents.class);

  private final String device;
  private final HandshakeTimestamps timestamps;
  private final Consumer<TunnelEvent.Notice> notices;

  /**
   * @param notices receives events that an operator should know, in addition to the log
   */
  EngineEvents(
      String device, HandshakeTimestamps timestamps, Consumer<TunnelEvent.Notice> notices) {
    this.device = device;
    this.timestamps = timestamps;
    this.notices = notices;
  }

  /**
   * @param directory keeps the newest handshake timestamp across restarts; null to keep none
   * @param minimum receives the timestamp that all initiations must exceed
   * @param notices receives events that an operator should know, in addition to the log
   * @throws DeviceException if the kept file holds no timestamp
   */
  static EngineEvents open(
      String device,
      @Nullable Path directory,
      Consumer<Instant> minimum,
      Consumer<TunnelEvent.Notice> notices)
      throws DeviceException {
    try {
      return new EngineEvents(
          device, HandshakeTimestamps.open(device, directory, minimum), notices);
    } catch (IOException e) {
      throw new DeviceException(String.valueOf(e.getMessage()), Errno.EIO, e);
    }
  }

  @Override
  public void accept(TunnelEvent event) {
    switch (event) {
      case TunnelEvent.SessionEstablished e ->
          LOG.debug(e.peer(), "{}: session with {} at {}", device, e.peer(), e.endpoint());
      case TunnelEvent.EndpointMoved e ->
          LOG.info(e.peer(), "{}: {} moved from {} to {}", device, e.peer(), e.from(), e.to());
      case TunnelEvent.EndpointLooped e ->
          LOG.warn(
              e.peer(),
              "{}: a route leads {} at {} into the tunnel itself, so nothing reaches it: give {} a"
                  + " route outside of the tunnel, or set FwMark and a rule that keeps marked"
                  + " packets out of it",
              device,
              e.peer(),
              e.endpoint(),
              e.endpoint().address());
      case TunnelEvent.SourceHeard _ -> {} // The control loop has handled it before.
      case TunnelEvent.HandshakeAbandoned e ->
          LOG.warn(e.peer(), "{}: {} did not answer {} handshakes", device, e.peer(), e.attempts());
      case TunnelEvent.TimestampAnswered e -> timestamps.answered(e.timestamp());
      case TunnelEvent.KeyRefused e ->
          LOG.error(e.peer(), "{}: a key for {} was refused: {}", device, e.peer(), e.reason());
      case TunnelEvent.WorkFailed e ->
          LOG.failure(e.peer(), e.cause(), "{}: work for \"{}\" failed", device, e.peer());
      case TunnelEvent.Notice e -> {
        if (e.isWarning()) {
          LOG.warn(subject(e), "{}: {}", device, e.message());
        } else {
          LOG.info(subject(e), "{}: {}", device, e.message());
        }
        notices.accept(e);
      }
    }
  }

  /** The key of the log limit, so that one kind of notice does not use up the lines of another. */
  private static String subject(TunnelEvent.Notice notice) {
    return notice.getClass().getSimpleName() + " " + notice.peer();
  }
}
