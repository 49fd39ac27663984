package dev.culvert.cli.daemon;

import dev.culvert.tunnel.gateway.WireGuardDevice;

/** A device with its life: what the commands run, and what tests put in its place. */
public interface RunningDevice extends AutoCloseable {
  WireGuardDevice device();

  /** Returns when the link was deleted or {@link #close} was called. */
  void awaitClosed() throws InterruptedException;

  @Override
  void close();
}
