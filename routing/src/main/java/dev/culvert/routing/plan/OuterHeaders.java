// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.Mark;

/**
 * The signs by which the tunnel's own packets are recognised on the underlay.
 *
 * @param mark the mark that the gateway's sockets put on them; arriving packets carry none
 * @param udpPort this node's port, 1 to 65535
 * @param rawEsp whether sealed packets are ESP as an IP protocol of its own; UDP then carries only
 *     the key agreement
 */
public record OuterHeaders(Mark mark, int udpPort, boolean rawEsp) {
  public OuterHeaders {
    if (udpPort < 1 || udpPort > 65535) {
      throw new IllegalArgumentException("not a port: " + udpPort);
    }
  }

  /** Everything in UDP. */
  public OuterHeaders(Mark mark, int udpPort) {
    this(mark, udpPort, false);
  }
}
