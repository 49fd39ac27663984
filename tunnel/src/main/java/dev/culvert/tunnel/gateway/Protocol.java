package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.port.Encapsulation;

/** The protocol that a gateway speaks: its engine, and what only the protocol knows. */
interface Protocol {
  TunnelEngine engine();

  /** How sealed packets travel. */
  default Encapsulation encapsulation() {
    return Encapsulation.UDP;
  }

  /** The tunnel interface has this MTU now. Any thread. */
  void mtu(int mtu);
}
