// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import dev.culvert.daemon.config.InterfaceAddress;
import dev.culvert.routing.BlindSpot.Found;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.tunnel.kernel.GuardTable.Count;
import dev.culvert.tunnel.kernel.HostFacts;
import dev.culvert.tunnel.kernel.Keeper;
import dev.culvert.tunnel.kernel.TunQueues;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;

/** The kernel's services to {@code culvert up}, besides the device. */
public interface Network {
  /**
   * The ways in which packets bypass the guard in this network namespace.
   *
   * @param underlay devices that lead to other nodes
   */
  List<Found> blindSpots(Collection<String> underlay) throws IOException;

  /**
   * The features that the kernel or nft lacks for the guard, with advice; empty if none is missing.
   */
  Optional<String> guardFault();

  /**
   * Why the interface of that name cannot become the tunnel; empty if it can, or does not exist.
   */
  Optional<String> stranger(String interfaceName) throws IOException;

  /** The queues of the TUN device of that name; empty when there is no such link here. */
  Optional<TunQueues> tunQueues(String interfaceName) throws IOException;

  /** The addresses of this machine's devices, without loopback. */
  Set<IpAddress> ownAddresses();

  /**
   * The facts about this machine that a plan depends on.
   *
   * @param nodes addresses of other nodes on the underlay
   * @param tunnel name of the device whose packets are encapsulated
   * @param mark of the packets that carry the tunnel
   */
  HostFacts facts(Collection<IpAddress> nodes, String tunnel, int mark) throws IOException;

  /**
   * Applies a plan, its guard first, and repairs it from now on.
   *
   * @throws IOException if the guard could not be loaded
   */
  KeptPlan keep(KernelPlan plan, Keeper.Listener listener) throws IOException;

  /**
   * Applies a plan once, its guard first, and does not repair it; parts that wait for a device are
   * never applied.
   *
   * @throws IOException if the guard or another part could not be loaded
   */
  void load(KernelPlan plan) throws IOException;

  /** The plan that a {@link Keeper} keeps. */
  interface KeptPlan extends AutoCloseable {
    /**
     * Applies another plan and keeps that from now on.
     *
     * @throws IOException if the guard could not be loaded: the old plan is kept
     */
    void update(KernelPlan plan) throws IOException;

    /** Stops repairing; rules, routes and guard stay in place. */
    @Override
    void close();
  }

  /**
   * Removes rules, routes and guard: from here on, traffic leaves in clear.
   *
   * @return one line for each thing that was removed
   */
  List<String> remove() throws IOException;

  /** A kernel setting by its path under {@code /proc/sys}; empty if there is none. */
  Optional<String> setting(String key) throws IOException;

  /** Sets a kernel setting by its path under {@code /proc/sys}. */
  void setting(String key, String value) throws IOException;

  /** Packets that met the guard's rules so far, by counter; empty if there is no guard. */
  SortedMap<String, Count> counters() throws IOException;

  /** Whether a guard stands here. */
  default boolean guarded() throws IOException {
    return !counters().isEmpty();
  }

  /**
   * Sets the link's MTU and addresses and brings it up, for a gateway without a plan.
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
