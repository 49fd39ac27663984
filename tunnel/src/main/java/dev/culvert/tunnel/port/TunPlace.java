package dev.culvert.tunnel.port;

import dev.culvert.tunnel.kernel.Links.Link;

/**
 * Where a TUN device is, and what it is called there.
 *
 * @param namespace its network namespace, as in {@code net:[4026531840]}
 * @param home whether that is where it was made
 */
public record TunPlace(String namespace, boolean home, Link link) {
  /** Whether the other has the same name in the same namespace. */
  public boolean isAt(TunPlace other) {
    return namespace.equals(other.namespace) && link.name().equals(other.link.name());
  }
}
