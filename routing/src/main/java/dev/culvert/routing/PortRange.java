// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

/**
 * Transport ports, both ends included.
 *
 * @param first 1 to 65535
 * @param last at least {@code first}, at most 65535
 */
public record PortRange(int first, int last) {
  public PortRange {
    if (first < 1 || last > 65535 || first > last) {
      throw new IllegalArgumentException("not a range of ports: " + first + "-" + last);
    }
  }

  public static PortRange of(int port) {
    return new PortRange(port, port);
  }

  public boolean contains(int port) {
    return first <= port && port <= last;
  }

  /** The form that {@code ip} and {@code nft} read. */
  @Override
  public String toString() {
    return first == last ? Integer.toString(first) : first + "-" + last;
  }
}
