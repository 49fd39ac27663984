package dev.culvert.routing.plan;

import dev.culvert.routing.Mark;

/**
 * How the tunnel's own packets are known on the underlay.
 *
 * @param mark what the gateway's sockets put on them; arriving packets carry none
 * @param udpPort this node's port, 1 to 65535, or 0: ESP as an IP protocol of its own
 */
public record Encapsulation(Mark mark, int udpPort) {
  public Encapsulation {
    if (udpPort < 0 || udpPort > 65535) {
      throw new IllegalArgumentException("not a port: " + udpPort);
    }
  }

  public static Encapsulation rawEsp(Mark mark) {
    return new Encapsulation(mark, 0);
  }

  public boolean isRawEsp() {
    return udpPort == 0;
  }
}
