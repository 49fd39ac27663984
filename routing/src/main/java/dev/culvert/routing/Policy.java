// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The traffic that is encrypted, and the traffic that may leave in clear on purpose.
 *
 * @param encrypted the classes of traffic that go through the tunnel; the others stay in clear
 * @param strictEgress whether packets that would leave in clear are dropped, also while no daemon
 *     runs
 * @param strictIngress whether packets that arrive in clear from the cluster are dropped
 * @param exemptions traffic that may leave in clear; the names are unique
 * @param accepted blind spots of the guard that the configuration accepts
 */
public record Policy(
    Set<TrafficClass> encrypted,
    boolean strictEgress,
    boolean strictIngress,
    List<Exemption> exemptions,
    Set<BlindSpot> accepted) {
  private static final NodeSelector CONTROL_PLANE = NodeSelector.role("control-plane");

  /** API server and etcd. A node that lost its keys needs them to publish new ones. */
  public static final List<Exemption> CONTROL_PLANE_EXEMPTIONS =
      List.of(
          new Exemption("api-server", CONTROL_PLANE, IpProtocol.TCP, List.of(PortRange.of(6443))),
          new Exemption("etcd", CONTROL_PLANE, IpProtocol.TCP, List.of(new PortRange(2379, 2380))));

  /** Everything is encrypted, both directions are strict, the control plane is exempt. */
  public static final Policy STRICT =
      new Policy(EnumSet.allOf(TrafficClass.class), true, true, CONTROL_PLANE_EXEMPTIONS);

  public Policy {
    encrypted = Set.copyOf(encrypted);
    exemptions = List.copyOf(exemptions);
    accepted = Set.copyOf(accepted);
    Set<String> names = new HashSet<>();
    for (Exemption exemption : exemptions) {
      if (!names.add(exemption.name())) {
        throw new IllegalArgumentException("two exemptions named " + exemption.name());
      }
    }
  }

  /** A policy that accepts no blind spot of the guard. */
  public Policy(
      Set<TrafficClass> encrypted,
      boolean strictEgress,
      boolean strictIngress,
      List<Exemption> exemptions) {
    this(encrypted, strictEgress, strictIngress, exemptions, Set.of());
  }

  /** The classes that stay in clear, in order. */
  public Set<TrafficClass> inClear() {
    EnumSet<TrafficClass> clear = EnumSet.allOf(TrafficClass.class);
    clear.removeAll(encrypted);
    return clear;
  }
}
