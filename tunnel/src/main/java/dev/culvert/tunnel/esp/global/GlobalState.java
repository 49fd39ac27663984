// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.noise.Deadlines;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/** The state that the exchanges with all peers share. Belongs to the control thread. */
final class GlobalState implements AutoCloseable {
  final KeyRing ring;
  final boolean esn;
  final RandomGenerator randomness;
  final ArrayDeque<KeyingEvent> events = new ArrayDeque<>();
  final ArrayDeque<Keying.Message> messages = new ArrayDeque<>();
  final ArrayDeque<TunnelEvent> notices = new ArrayDeque<>();
  final Deadlines deadlines = new Deadlines();
  final MessageMac mac = new MessageMac();
  final DropCounters counters = new DropCounters();
  private final long[] drops = new long[ExchangeDrop.values().length];

  GlobalState(KeyRing ring, boolean esn, RandomGenerator randomness) {
    this.ring = ring;
    this.esn = esn;
    this.randomness = randomness;
  }

  void drop(ExchangeDrop reason) {
    drops[reason.ordinal()]++;
    counters.count(reason.counted());
  }

  long drops(ExchangeDrop reason) {
    return drops[reason.ordinal()];
  }

  /** Writes the drops by reason. */
  void saveDrops(StateWriter out) {
    out.list(
        List.of(ExchangeDrop.values()), reason -> out.text(reason.name()).int64(drops(reason)));
  }

  /** Reads drops for {@link #add}. */
  static Map<String, Long> readDrops(StateReader in) throws StateException {
    Map<String, Long> counts = new HashMap<>();
    in.list(() -> counts.put(in.text(), in.int64()));
    return counts;
  }

  /** Adds the drops of another process; names that this version does not know are left out. */
  void add(Map<String, Long> counts) {
    for (ExchangeDrop reason : ExchangeDrop.values()) {
      drops[reason.ordinal()] += counts.getOrDefault(reason.name(), 0L);
    }
  }

  /** A random number from 0 to below {@code bound}. */
  long jitter(long bound) {
    return randomness.nextLong(bound);
  }

  /** Wipes the global keys, and derived keys that were not taken over yet. */
  @Override
  public void close() {
    ring.close();
    KeyingEvent.wipe(events);
    messages.clear();
  }
}
