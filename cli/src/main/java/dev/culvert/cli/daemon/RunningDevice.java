package dev.culvert.cli.daemon;

import dev.culvert.tunnel.gateway.WireGuardDevice;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import java.util.List;

/** A device with its life: what the commands run, and what tests put in its place. */
public interface RunningDevice extends AutoCloseable {
  WireGuardDevice device();

  /**
   * Lines of a key log for the handshakes since this was first asked; asked again and again, or
   * they are forgotten.
   */
  List<String> keyLog(DeviceSnapshot now);

  /** Returns when the link was deleted or {@link #close} was called. */
  void awaitClosed() throws InterruptedException;

  @Override
  void close();
}
