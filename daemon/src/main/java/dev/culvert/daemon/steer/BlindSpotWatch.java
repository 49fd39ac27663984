// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.BlindSpot.Found;
import dev.culvert.routing.Policy;
import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Looks for blind spots of the guard, and reports each new one. */
public final class BlindSpotWatch {
  private static final EventLog LOG = EventLog.of(BlindSpotWatch.class);

  /**
   * The shortest time between two looks: pods and their links may come often, and a look lists all
   * rules of nftables.
   */
  private static final Duration PAUSE = Duration.ofSeconds(10);

  private final Network network;
  private Set<Found> known = Set.of();
  private long nextLook = System.nanoTime();
  private boolean pending;

  public BlindSpotWatch(Network network) {
    this.network = network;
  }

  /**
   * Looks now.
   *
   * @param underlay devices that lead to other nodes
   * @throws IOException if the policy is strict and does not accept a blind spot that was found
   */
  public void require(Policy policy, Collection<String> underlay) throws IOException {
    List<Found> found = network.blindSpots(underlay);
    boolean strict = policy.strictEgress() || policy.strictIngress();
    Set<BlindSpot> wanted = new TreeSet<>(policy.accepted());
    found.forEach(each -> wanted.add(each.spot()));
    if (strict && !policy.accepted().containsAll(wanted)) {
      String all =
          found.stream()
              .filter(each -> !policy.accepted().contains(each.spot()))
              .map(Object::toString)
              .collect(Collectors.joining("; "));
      throw new IOException(all + ". To put up with it: spec.strict.accept: " + wanted);
    }
    tell(found);
  }

  /**
   * Looks on another thread, a while after the last look. Blind spots are reported, not refused.
   */
  synchronized void lookSoon(Supplier<Collection<String>> underlay) {
    if (!pending) {
      pending = true;
      Duration wait = Duration.ofNanos(Math.max(0, nextLook - System.nanoTime()));
      Thread.ofVirtual().name("blind-spots").start(() -> look(wait, underlay));
    }
  }

  private void look(Duration wait, Supplier<Collection<String>> underlay) {
    try {
      Thread.sleep(wait);
      synchronized (this) {
        pending = false; // This look may miss changes from here on.
        nextLook = System.nanoTime() + PAUSE.toNanos();
      }
      tell(network.blindSpots(underlay.get()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException | RuntimeException e) {
      LOG.per("look")
          .failure(LogEvent.GUARD_UNWATCHED, e, "blind spots of the guard could not be looked for");
    }
  }

  private synchronized void tell(List<Found> found) {
    for (Found each : found) {
      if (!known.contains(each)) {
        LOG.per(each.spot())
            .warn(
                LogEvent.GUARD_BLIND, "the guard does not see everything: {}", Field.reason(each));
      }
    }
    known = new HashSet<>(found);
  }
}
