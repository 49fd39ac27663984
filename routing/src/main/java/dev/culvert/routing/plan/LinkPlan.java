package dev.culvert.routing.plan;

/**
 * The tunnel's device, which the gateway makes; the plan sets its MTU and wants it up.
 *
 * @param mtu bytes of an inner packet, at least 576
 */
public record LinkPlan(String name, int mtu) {
  public LinkPlan {
    if (mtu < 576 || mtu > 65535) {
      throw new IllegalArgumentException("MTU " + mtu + " of " + name);
    }
  }
}
