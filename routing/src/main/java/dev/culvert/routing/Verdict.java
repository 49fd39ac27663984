// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

/**
 * The decision on a packet. A classifier makes each of its verdicts once, so that they can be
 * compared by identity and look-ups allocate nothing.
 */
public sealed interface Verdict {
  /**
   * The packet goes through the tunnel.
   *
   * @param node index into the map's nodes
   * @param peer the tunnel's identity of the node
   * @param traffic the class of the packet, for counters
   */
  record Encrypt(int node, String peer, TrafficClass traffic) implements Verdict {}

  /**
   * The packet leaves in clear on purpose.
   *
   * @param index of its counter: the exemptions in the policy's order, then the classes in clear in
   *     the order of {@link TrafficClass}, then traffic that is not strict
   * @param rule the exemption's or the class's name
   */
  record Bypass(int index, String rule) implements Verdict {}

  /** The packet is dropped. */
  record Drop(Refusal reason) implements Verdict {}
}
