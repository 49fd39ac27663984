package dev.culvert.routing;

import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What is encrypted, and what may leave in clear on purpose.
 *
 * @param encrypted the classes of traffic that go through the tunnel; the others stay in clear
 * @param strictEgress whether what would leave in clear is dropped, also while no daemon lives
 * @param strictIngress whether what arrives in clear from the cluster is dropped
 * @param exemptions names are unique
 * @param accepted what takes packets past the guard and is put up with
 */
public record Policy(
    Set<TrafficClass> encrypted,
    boolean strictEgress,
    boolean strictIngress,
    List<Exemption> exemptions,
    Set<BlindSpot> accepted) {
  private static final NodeSelector CONTROL_PLANE = NodeSelector.role("control-plane");

  /** API server and etcd, without which a node that lost its keys cannot publish new ones. */
  public static final List<Exemption> CONTROL_PLANE_EXEMPTIONS =
      List.of(
          new Exemption("api-server", CONTROL_PLANE, Exemption.TCP, List.of(PortRange.of(6443))),
          new Exemption("etcd", CONTROL_PLANE, Exemption.TCP, List.of(new PortRange(2379, 2380))));

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

  /** Nothing is accepted that takes packets past the guard. */
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
