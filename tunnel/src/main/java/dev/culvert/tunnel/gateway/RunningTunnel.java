package dev.culvert.tunnel.gateway;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import java.util.Optional;

/**
 * A tunnel that moves packets, whatever its protocol, from its opening to its closing. Safe to use
 * from any thread.
 */
public interface RunningTunnel extends AutoCloseable {
  /** The network interface's name. */
  String interfaceName();

  /** The UDP port that is bound, 0 while none is. */
  int listenPort();

  /** The mark on packets that carry the tunnel, 0 for none. */
  int fwmark();

  /**
   * From now on {@code classifier} decides on every packet, and on the owner of an inner source:
   * one swap of one reference, which lanes see between two batches. The engine's own ranges have to
   * agree for packets that arrive. A node whose peer the engine does not know gets drops until it
   * does.
   *
   * @param bypass the mark of packets that leave in clear on purpose
   * @throws DeviceException if two nodes share a peer, or raw sockets cannot be opened; the
   *     classifier that was in force stays
   */
  void useClassifier(Classifier classifier, Mark bypass) throws DeviceException;

  /**
   * Asks all peers that it has no session with for one, without waiting. To be called when they can
   * be reached: peers that still send under a session with this node's last life then change to the
   * new one at once, and not when their timers tell them to.
   */
  void greet() throws DeviceException;

  /** Counters, and the offloads that the kernel grants. */
  GatewayStatus status();

  /** From now on this ends when others rename the interface or move it away, as when deleted. */
  void endWhenMoved();

  /** Why the tunnel can only be closed any more, if that is so. */
  Optional<String> failure();

  /** Returns when the tunnel is closed and nothing of it is left, or when it has failed. */
  void awaitClosed() throws InterruptedException;

  /**
   * Takes the interface, the sockets and the threads away and wipes the keys. May be called again.
   */
  @Override
  void close();
}
