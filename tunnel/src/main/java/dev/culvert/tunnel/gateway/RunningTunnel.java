// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.lane.LaneReading;
import dev.culvert.tunnel.port.Offload;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A tunnel of either protocol that moves packets, from its opening to its closing. Thread-safe. */
public interface RunningTunnel extends AutoCloseable {
  /** The network interface's name. */
  String interfaceName();

  /** The UDP port that is bound, 0 while none is. */
  int listenPort();

  /** The mark on packets that carry the tunnel, 0 for none. */
  int fwmark();

  /**
   * Makes {@code classifier} decide on every packet, and on the owner of an inner source, by the
   * swap of one reference, which lanes see between two batches. The engine's own ranges have to
   * agree for arriving packets. Packets for a node whose peer the engine does not know are dropped
   * until it does.
   *
   * @param bypass the mark of packets that leave in clear on purpose
   * @throws DeviceException if two nodes share a peer, or raw sockets cannot be opened; the old
   *     classifier stays
   */
  void useClassifier(Classifier classifier, Mark bypass) throws DeviceException;

  /**
   * Requests a session with every peer that is new since the last call and has none, without
   * waiting. To be called once new peers can be reached: peers that still send under a session with
   * this node's predecessor, or whose handshakes were refused until now, then have a session soon,
   * not when their timers expire.
   */
  void greet() throws DeviceException;

  /**
   * Stops reading and sending between two packets, and writes the state for a process that
   * continues it. Packets wait in the kernel, and requests are refused. From here on exactly one of
   * two may go on: the successor, by {@link #begin}; or this, by {@link #takeBack}, if the
   * successor has surely ended.
   *
   * @throws DeviceException if a part does not answer; the tunnel goes on then
   */
  void pause(StateWriter out) throws DeviceException;

  /** The descriptors through which packets go; they stay this tunnel's. */
  Descriptors descriptors() throws DeviceException;

  /**
   * Starts to move packets. For tunnels that were opened with the descriptors of another; others do
   * so from the beginning.
   *
   * @return the time for which no process has moved packets
   */
  Duration begin() throws DeviceException;

  /**
   * Drops the packets that wait in an inherited interface. To be called before {@link #begin} if
   * they may be too old to be of use.
   *
   * @return how many there were
   */
  int discardWaiting() throws DeviceException;

  /**
   * Shows the descriptors of the interface's queues to a keeper of copies, by which the interface
   * outlives this process.
   *
   * @param keeper called while they are open, one per lane; not called if the tunnel is closed
   */
  void keepQueues(Consumer<List<Integer>> keeper);

  /**
   * Goes on after {@link #pause}, with send counters far ahead.
   *
   * @param doubt the reason why the successor may have used the keys, as text for people: then all
   *     keys end; null if it surely has not
   */
  void takeBack(@Nullable String doubt) throws DeviceException;

  /**
   * Changes whether trains are handed to the UDP sockets as one message; with the mode it has
   * already, does nothing.
   *
   * @throws DeviceException if it is to be on and the sockets do not have it; the mode stays
   */
  void useSegmentation(Offload.Mode mode) throws DeviceException;

  /** Counters, and the offloads in use. */
  GatewayStatus status();

  /**
   * The peers and the control side's sums, for metrics.
   *
   * @throws DeviceException if the control thread does not answer, or the tunnel is closed
   */
  EngineReading reading() throws DeviceException;

  /**
   * Asks the lanes' threads for a sign of life.
   *
   * @param wait the longest wait for their answers
   */
  List<LaneReading> lanes(Duration wait);

  /**
   * From now on, the tunnel ends if the interface is renamed or moved away, as if it was deleted.
   */
  void endWhenMoved();

  /** The failure after which the tunnel can only be closed, if there was one. */
  Optional<String> failure();

  /** Waits until the tunnel is closed with all its parts, or has failed. */
  void awaitClosed() throws InterruptedException;

  /**
   * Removes the interface, the sockets and the threads, and wipes the keys. May be called again.
   */
  @Override
  void close();
}
