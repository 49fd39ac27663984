package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import org.jspecify.annotations.Nullable;

/** The protocol that a gateway speaks: its engine, and what only it knows what to do with. */
interface Protocol extends LaneRouter.EngineRoutes {
  TunnelEngine engine();

  /** The peer that a cluster's map calls {@code name}, or null. On the control thread. */
  @Nullable TunnelPeer peer(String name);

  /** How sealed packets travel. */
  default Encapsulation encapsulation() {
    return Encapsulation.UDP;
  }

  /** The tunnel interface has this MTU now. Any thread. */
  void mtu(int mtu);

  /** Something happened in the engine. On the control thread. */
  void onEvent(TunnelEvent event);
}
