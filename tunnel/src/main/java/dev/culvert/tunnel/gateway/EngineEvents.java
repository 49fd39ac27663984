// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.global.KeyingNotice;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.state.HandshakeTimestamps;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Logs an engine's events, and stores the timestamps that have to outlive it. */
final class EngineEvents implements Consumer<TunnelEvent> {
  private static final EventLog LOG = EventLog.of(EngineEvents.class);

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
    Field tunnel = Field.tunnel(device);
    switch (event) {
      case TunnelEvent.SessionEstablished e ->
          LOG.per(e.peer())
              .debug(
                  LogEvent.HANDSHAKE_COMPLETED,
                  "{}: session with {} at {}",
                  tunnel,
                  Field.peer(e.peer()),
                  Field.endpoint(e.endpoint()));
      case TunnelEvent.EndpointMoved e ->
          LOG.per(e.peer())
              .info(
                  LogEvent.PEER_MOVED,
                  "{}: {} moved from {} to {}",
                  tunnel,
                  Field.peer(e.peer()),
                  e.from(),
                  Field.endpoint(e.to()));
      case TunnelEvent.EndpointLooped e ->
          LOG.per(e.peer())
              .warn(
                  LogEvent.PEER_LOOPED,
                  "{}: a route leads {} at {} into the tunnel itself, so nothing reaches it: give {} a"
                      + " route outside of the tunnel, or set FwMark and a rule that keeps marked"
                      + " packets out of it",
                  tunnel,
                  Field.peer(e.peer()),
                  Field.endpoint(e.endpoint()),
                  e.endpoint().address());
      case TunnelEvent.SourceHeard _ -> {} // The control loop has handled it before.
      case TunnelEvent.HandshakeRefused e ->
          LOG.per(e.endpoint().address())
              .info(
                  LogEvent.HANDSHAKE_REFUSED,
                  "{}: a handshake from {} was refused: {}",
                  tunnel,
                  Field.endpoint(e.endpoint()),
                  Field.reason(e.reason().label()));
      case TunnelEvent.HandshakeAbandoned e ->
          LOG.per(e.peer())
              .warn(
                  LogEvent.PEER_STALE,
                  "{}: {} did not answer {} handshakes",
                  tunnel,
                  Field.peer(e.peer()),
                  e.attempts());
      case TunnelEvent.TimestampAnswered e -> timestamps.answered(e.timestamp());
      case TunnelEvent.KeyRefused e ->
          LOG.per(e.peer())
              .error(
                  LogEvent.KEY_REFUSED,
                  "{}: a key for {} was refused: {}",
                  tunnel,
                  Field.peer(e.peer()),
                  Field.reason(e.reason()));
      case TunnelEvent.WorkFailed e ->
          LOG.per(e.peer())
              .failure(
                  LogEvent.PEER_FAILED,
                  e.cause(),
                  "{}: work for \"{}\" failed",
                  tunnel,
                  Field.peer(e.peer()));
      case TunnelEvent.Notice e -> {
        log(e, tunnel);
        notices.accept(e);
      }
    }
  }

  private static void log(TunnelEvent.Notice notice, Field tunnel) {
    EventLog.Limited limited = LOG.per(subject(notice));
    Field peer = new Field(Field.PEER, notice.peer().isEmpty() ? null : notice.peer());
    if (notice.isWarning()) {
      limited.warn(event(notice), "{}: {}", tunnel, notice.message(), peer, detail(notice));
    } else {
      limited.info(event(notice), "{}: {}", tunnel, notice.message(), peer, detail(notice));
    }
  }

  private static LogEvent event(TunnelEvent.Notice notice) {
    return switch (notice) {
      case TunnelEvent.KeysEnded _ -> LogEvent.KEYS_ENDED;
      case KeyingNotice keying ->
          switch (keying) {
            case KeyingNotice.RotationOverdue _ -> LogEvent.ROTATION_OVERDUE;
            case KeyingNotice.RotationMissed _ -> LogEvent.ROTATION_MISSED;
            case KeyingNotice.KeyRetired _ -> LogEvent.ROTATION_STEP;
            case KeyingNotice.RangesDiffer _ -> LogEvent.RANGES_DIFFER;
            case KeyingNotice.SequenceRunningOut _ -> LogEvent.SEQUENCE_LOW;
            case KeyingNotice.SequenceSkipped _ -> LogEvent.SEQUENCE_SKIPPED;
            case KeyingNotice.SequenceRefused _ -> LogEvent.SEQUENCE_REFUSED;
          };
      default -> throw new IllegalArgumentException("no event for " + notice.getClass());
    };
  }

  /** The field that tells one notice about a peer from another, null if there is none. */
  private static @Nullable Field detail(TunnelEvent.Notice notice) {
    return switch (notice) {
      case TunnelEvent.KeysEnded n -> Field.reason(n.reason());
      case KeyingNotice.RotationOverdue n -> Field.epoch(n.published());
      case KeyingNotice.RotationMissed n -> Field.epoch(n.published());
      case KeyingNotice.KeyRetired n -> Field.epoch(n.id());
      case KeyingNotice.RangesDiffer n -> Field.reason(n.difference());
      case KeyingNotice.SequenceRunningOut n -> Field.spi(n.spi());
      case KeyingNotice.SequenceSkipped n -> Field.spi(n.spi());
      case KeyingNotice.SequenceRefused n -> Field.spi(n.spi());
      default -> null;
    };
  }

  /** The key of the log limit, so that one kind of notice does not use up the lines of another. */
  private static String subject(TunnelEvent.Notice notice) {
    return notice.getClass().getSimpleName() + " " + notice.peer();
  }
}
