// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.routing.TrafficClass;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.MonotonicClock;
import dev.culvert.tunnel.lane.LaneCounter;
import dev.culvert.tunnel.lane.TrafficStatus;
import dev.culvert.tunnel.lane.TrafficStatus.Volume;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The part of a gateway's state that is not its engine's. Counters are written by name, and those
 * that this version does not know are left out.
 *
 * @param pausedMicros the kernel's monotonic time at which the predecessor stopped to read
 * @param savedMicros the same at which it saved its engine
 * @param clockOffsetNanos see {@link RestoreWatch#trusted}
 * @param counted the predecessor's counters, and those of its predecessors
 */
record SavedTunnel(
    long pausedMicros, long savedMicros, long clockOffsetNanos, GatewayStatus counted) {
  void write(StateWriter out) {
    out.int64(pausedMicros).int64(savedMicros).int64(clockOffsetNanos);
    counts(out, counted.counters());
    counts(out, counted.drops());
    volumes(out, names(counted.traffic().encrypted()));
    volumes(out, counted.traffic().bypassed());
  }

  static SavedTunnel read(StateReader in) throws StateException {
    return new SavedTunnel(
        in.int64(),
        in.int64(),
        in.int64(),
        new GatewayStatus(
            0,
            0,
            Map.of(),
            "",
            known(LaneCounter.class, counts(in)),
            known(DropReason.class, counts(in)),
            new TrafficStatus(known(TrafficClass.class, volumes(in)), volumes(in))));
  }

  /** The moment of saving by the clock of this process. */
  long savedAtNanos() throws ErrnoException {
    long now = System.nanoTime();
    return now - TimeUnit.MICROSECONDS.toNanos(MonotonicClock.micros() - savedMicros);
  }

  /** The time since the predecessor stopped to read. */
  Duration sincePause() throws DeviceException {
    try {
      return Duration.of(MonotonicClock.micros() - pausedMicros, ChronoUnit.MICROS);
    } catch (ErrnoException e) {
      throw DeviceException.of(e);
    }
  }

  private static <C extends Enum<C>> void counts(StateWriter out, Map<C, Long> counts) {
    Map<String, Long> byName = names(counts);
    out.list(byName.entrySet(), entry -> out.text(entry.getKey()).int64(entry.getValue()));
  }

  private static Map<String, Long> counts(StateReader in) throws StateException {
    return map(in, StateReader::int64);
  }

  private static void volumes(StateWriter out, Map<String, Volume> volumes) {
    out.list(
        volumes.entrySet(),
        entry ->
            out.text(entry.getKey())
                .int64(entry.getValue().packets())
                .int64(entry.getValue().bytes()));
  }

  private static Map<String, Volume> volumes(StateReader in) throws StateException {
    return map(in, from -> new Volume(from.int64(), from.int64()));
  }

  /** Reads one value. */
  private interface Value<T> {
    T read(StateReader in) throws StateException;
  }

  private static <T> Map<String, T> map(StateReader in, Value<T> value) throws StateException {
    Map<String, T> map = new HashMap<>();
    in.list(() -> map.put(in.text(), value.read(in)));
    return map;
  }

  private static <C extends Enum<C>, T> Map<String, T> names(Map<C, T> values) {
    Map<String, T> byName = new HashMap<>();
    values.forEach((constant, value) -> byName.put(constant.name(), value));
    return byName;
  }

  private static <C extends Enum<C>, T> Map<C, T> known(Class<C> type, Map<String, T> byName) {
    Map<C, T> known = new EnumMap<>(type);
    for (C constant : type.getEnumConstants()) {
      T value = byName.get(constant.name());
      if (value != null) {
        known.put(constant, value);
      }
    }
    return known;
  }
}
