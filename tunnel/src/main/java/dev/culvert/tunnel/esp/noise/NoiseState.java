// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.noise.Deadlines;
import dev.culvert.tunnel.noise.IndexTable;
import java.security.SecureRandom;
import java.util.ArrayDeque;

/** The state that all pairs of one keying share. The first half is thread-safe. */
final class NoiseState {
  /** IANA reserves the SPIs below (RFC 4303 section 2.1). */
  private static final int FIRST_SPI = 256;

  final IndexTable indices;
  final Deadlines deadlines = new Deadlines();

  // Control thread only.
  final PacketLimits limits;
  final ArrayDeque<KeyingEvent> events = new ArrayDeque<>();
  final ArrayDeque<Keying.Message> messages = new ArrayDeque<>();
  final ArrayDeque<TunnelEvent> notices = new ArrayDeque<>();

  NoiseState(SecureRandom random, PacketLimits limits) {
    indices = new IndexTable(random, FIRST_SPI);
    this.limits = limits;
  }
}
