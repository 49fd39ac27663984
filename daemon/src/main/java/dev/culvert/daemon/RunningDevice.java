package dev.culvert.daemon;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import java.util.List;
import java.util.Optional;

/** A device with its life: what the commands run, and what tests put in its place. */
public interface RunningDevice extends AutoCloseable {
  WireGuardDevice device();

  /**
   * From now on the classifier decides what becomes of every packet.
   *
   * @param bypass the mark of what leaves in clear on purpose
   * @throws DeviceException where it cannot; what was in force stays
   */
  void useClassifier(Classifier classifier, Mark bypass) throws DeviceException;

  /** Asks all peers that it has no session with for one, without waiting. */
  void greet() throws DeviceException;

  /**
   * Lines of a key log for the handshakes since this was first asked; asked again and again, or
   * they are forgotten.
   */
  List<String> keyLog(DeviceSnapshot now);

  /** From now on the device ends when others rename its link or move it away, as when deleted. */
  void endWhenMoved();

  /** Why the device can only be closed any more, if that is so. */
  Optional<String> failure();

  /** Returns when the link was deleted, the device failed, or {@link #close} was called. */
  void awaitClosed() throws InterruptedException;

  @Override
  void close();
}
