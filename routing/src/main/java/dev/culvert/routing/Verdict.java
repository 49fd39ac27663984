package dev.culvert.routing;

/**
 * What becomes of a packet. A classifier makes each of its verdicts once, so that they may be
 * compared by identity and asking allocates nothing.
 */
public sealed interface Verdict {
  /**
   * It goes through the tunnel.
   *
   * @param node index into the map's nodes
   * @param peer what the tunnel knows the node by
   * @param traffic what kind of traffic it is, for counters
   */
  record Encrypt(int node, String peer, TrafficClass traffic) implements Verdict {}

  /**
   * It leaves in clear on purpose.
   *
   * @param index of its counter: the exemptions in the policy's order, then the classes in clear in
   *     the order of {@link TrafficClass}, then what is not strict
   * @param rule the exemption's or the class's name
   */
  record Bypass(int index, String rule) implements Verdict {}

  /** It goes nowhere. */
  record Drop(DropReason reason) implements Verdict {}
}
