package dev.culvert.tunnel.gateway;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;

/** A running gateway of a cluster, whatever protocol it speaks. Safe to use from any thread. */
public interface ClusterDevice {
  /** The network interface's name. */
  String interfaceName();

  /**
   * From now on {@code classifier} decides what becomes of every packet, and whose an inner source
   * is: one swap of one reference, which lanes see between two batches. The engine's own ranges
   * have to agree for what arrives. A node whose peer the engine does not know gets drops until it
   * does.
   *
   * @param bypass the mark of what leaves in clear on purpose
   * @throws DeviceException where two nodes share a peer, or there are no raw sockets to be had;
   *     what was in force stays
   */
  void useClassifier(Classifier classifier, Mark bypass) throws DeviceException;

  /**
   * Asks all peers that it has no session with for one, without waiting. To be called when they can
   * be reached: those that still send under a session with this node's last life then change to the
   * new one at once, and not when their timers tell them to.
   */
  void greet() throws DeviceException;

  /** Counters and what the kernel offers. */
  GatewayStatus status();
}
