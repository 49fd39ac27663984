// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

/**
 * The tunnel's device, which the gateway creates; the plan sets its MTU and sets it up.
 *
 * @param mtu largest inner packet in bytes, see {@link TunnelMtu}
 */
public record LinkPlan(String name, int mtu) {
  public LinkPlan {
    if (!TunnelMtu.isValid(mtu)) {
      throw new IllegalArgumentException("MTU " + mtu + " of " + name);
    }
  }
}
