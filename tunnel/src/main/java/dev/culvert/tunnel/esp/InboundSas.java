// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DatagramSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Receive SAs by SPI and outer source, immutable: a change builds a new table and swaps one
 * reference. All peers may use one SPI, so the source is part of the look-up key; the UDP port is
 * not, since a NAT may change it.
 */
final class InboundSas {
  static final InboundSas EMPTY = new InboundSas(List.of());

  /** The most SAs of one SPI and source, since no more keys are in use at once. */
  static final int MAX_CANDIDATES = 4;

  private static final InboundSa[] NONE = {};

  private record Place(int spi, IpAddress source) {}

  private final int[] spis;
  private final @Nullable IpAddress[] sources;
  private final InboundSa[][] candidates;

  /**
   * @param sas oldest first; at most {@link #MAX_CANDIDATES} of one SPI and source
   */
  InboundSas(Collection<InboundSa> sas) {
    Map<Place, List<InboundSa>> places = new LinkedHashMap<>();
    for (InboundSa sa : sas) {
      for (IpAddress source : sa.peer().settings().addresses()) {
        Place place = new Place(sa.parameters().spi(), source);
        places.computeIfAbsent(place, p -> new ArrayList<>()).addFirst(sa);
      }
    }
    int size = Integer.highestOneBit(Math.max(1, places.size())) << 2;
    spis = new int[size];
    sources = new @Nullable IpAddress[size];
    candidates = new InboundSa[size][];
    places.forEach(
        (place, newestFirst) -> {
          int slot = slot(place.spi, place.source.high(), place.source.low());
          while (sources[slot] != null) {
            slot = next(slot);
          }
          spis[slot] = place.spi;
          sources[slot] = place.source;
          candidates[slot] = newestFirst.toArray(InboundSa[]::new);
        });
  }

  /**
   * The SAs to which a packet may belong, newest first; usually one. The caller must not change the
   * array.
   */
  InboundSa[] find(int spi, DatagramSource source) {
    for (int slot = slot(spi, source.high(), source.low()); ; slot = next(slot)) {
      IpAddress there = sources[slot];
      if (there == null) {
        return NONE;
      }
      if (spis[slot] == spi
          && there.low() == source.low()
          && there.high() == source.high()
          && there.v4() == source.v4()) {
        return candidates[slot];
      }
    }
  }

  private int slot(int spi, long high, long low) {
    long hash = (low ^ Long.rotateLeft(high, 29) ^ spi) * 0x9e3779b97f4a7c15L;
    return (int) (hash >>> 32) & (spis.length - 1);
  }

  private int next(int slot) {
    return (slot + 1) & (spis.length - 1);
  }
}
