// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import dev.culvert.daemon.admin.OverviewView.Peer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** The throughput of each peer between two looks. Thread-safe. */
public final class PeerRates {
  /** The shortest time over which a rate is taken. */
  private static final double SHORTEST = (double) Duration.ofMillis(900).toMillis() / 1e3;

  /** Older looks say nothing about now. */
  private static final double LONGEST = 60;

  /**
   * Bits per second.
   *
   * @param sent to the peer
   * @param received from it
   */
  public record Rate(double sent, double received) {
    public static final Rate NONE = new Rate(0, 0);

    /** Both directions together. */
    public double sum() {
      return sent + received;
    }
  }

  private Map<String, Peer> before = Map.of();
  private double beforeAt;
  private Map<String, Rate> rates = Map.of();

  /** The rates since the last look, by the peers' names. */
  public synchronized Map<String, Rate> at(OverviewView now) {
    double seconds = now.at() - beforeAt;
    if (seconds >= SHORTEST || seconds < 0) {
      Map<String, Rate> fresh = new HashMap<>();
      Map<String, Peer> seen = new HashMap<>();
      for (Peer peer : now.peers()) {
        seen.put(peer.name(), peer);
        Peer old = before.get(peer.name());
        if (old != null && seconds > 0 && seconds <= LONGEST) {
          fresh.put(
              peer.name(),
              new Rate(
                  rate(old.txBytes(), peer.txBytes(), seconds),
                  rate(old.rxBytes(), peer.rxBytes(), seconds)));
        }
      }
      rates = Map.copyOf(fresh);
      before = seen;
      beforeAt = now.at();
    }
    return rates;
  }

  private static double rate(long before, long now, double seconds) {
    return 8.0 * (double) Math.max(0, now - before) / seconds;
  }
}
