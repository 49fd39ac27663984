// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.noise.Deadlines;
import java.util.ArrayDeque;
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
