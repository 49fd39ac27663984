package dev.culvert.routing.plan;

import dev.culvert.routing.Mark;

/**
 * How the tunnel's own packets are known on the underlay.
 *
 * @param mark what the gateway's sockets put on them; arriving packets carry none
 * @param udpPort this node's port, 1 to 65535
 * @param rawEsp whether sealed packets are ESP as an IP protocol of its own; in UDP is then what
 *     keys are agreed on with
 */
public record Encapsulation(Mark mark, int udpPort, boolean rawEsp) {
  public Encapsulation {
    if (udpPort < 1 || udpPort > 65535) {
      throw new IllegalArgumentException("not a port: " + udpPort);
    }
  }

  /** All in UDP. */
  public Encapsulation(Mark mark, int udpPort) {
    this(mark, udpPort, false);
  }
}
