// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import dev.culvert.tunnel.kernel.Links.Link;

/**
 * The network namespace of a TUN device, and its name there.
 *
 * @param namespace its network namespace, such as {@code net:[4026531840]}
 * @param home whether it was created in that namespace
 */
public record TunPlace(String namespace, boolean home, Link link) {
  /** Whether the other has the same name in the same namespace. */
  public boolean isAt(TunPlace other) {
    return namespace.equals(other.namespace) && link.name().equals(other.link.name());
  }
}
