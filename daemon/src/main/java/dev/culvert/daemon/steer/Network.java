// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import dev.culvert.daemon.config.InterfaceAddress;
import dev.culvert.routing.BlindSpot.Found;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.tunnel.kernel.GuardTable.Count;
import dev.culvert.tunnel.kernel.HostFacts;
import dev.culvert.tunnel.kernel.TunQueues;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;

/** The kernel's services to {@code culvert up}, besides the device. */
public interface Network {
  /**
   * What takes packets past the guard here.
   *
   * @param underlay devices that lead to other nodes
   */
  List<Found> blindSpots(Collection<String> underlay) throws IOException;

  /** What the kernel or nft lacks for the guard, and what to do; empty if it lacks nothing. */
  Optional<String> guardFault();

  /** Why an interface of that name, if there is one, cannot become the tunnel. */
  Optional<String> stranger(String interfaceName) throws IOException;

  /** The queues of the TUN device of that name; empty when there is no such link here. */
  Optional<TunQueues> tunQueues(String interfaceName) throws IOException;

  /**
   * What a plan has to know of this machine.
   *
   * @param nodes addresses of other nodes on the underlay
   * @param tunnel name of the device whose packets are encapsulated
   * @param mark of the packets that carry the tunnel
   */
  HostFacts facts(Collection<IpAddress> nodes, String tunnel, int mark) throws IOException;

  /**
   * Applies a plan, its guard first, and repairs it from now on.
   *
   * @throws IOException the guard could not be had
   */
  Kept keep(KernelPlan plan, Listener listener) throws IOException;

  /**
   * Applies a plan once, its guard first, and leaves it; what waits for a device does not come.
   *
   * @throws IOException the guard could not be had, or not all of the rest
   */
  void load(KernelPlan plan) throws IOException;

  /** Hears of what is kept. */
  interface Listener {
    /** {@link #facts} may have changed. */
    void hostChanged();

    /** Repairs have ended; the kernel's state stays. */
    void ended(Throwable cause);
  }

  /** A plan that is kept. */
  interface Kept extends AutoCloseable {
    /**
     * Applies another plan and keeps that from now on.
     *
     * @throws IOException the guard could not be had: the old plan is kept
     */
    void update(KernelPlan plan) throws IOException;

    /** Stops repairing; all stays in place. */
    @Override
    void close();
  }

  /**
   * Takes rules, routes and guard away: from here on, traffic leaves in clear.
   *
   * @return one line for each thing that went
   */
  List<String> remove() throws IOException;

  /** A kernel setting by its path under {@code /proc/sys}; empty if there is none. */
  Optional<String> setting(String key) throws IOException;

  /** Sets one. */
  void setting(String key, String value) throws IOException;

  /** Packets that met the guard's rules so far, by counter; empty if there is no guard. */
  SortedMap<String, Count> counters() throws IOException;

  /** Whether a guard stands here. */
  default boolean guarded() throws IOException {
    return !counters().isEmpty();
  }

  /**
   * Sets the link's MTU and addresses and brings it up if no plan does.
   *
   * @param mtu 0: unchanged
   * @param added addresses that it shall have; it may have them already
   * @param removed addresses that it shall not have any more
   */
  void configureLink(
      String interfaceName,
      int mtu,
      Collection<InterfaceAddress> added,
      Collection<InterfaceAddress> removed)
      throws IOException;
}
