// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.port.Offload.Mode;
import java.util.concurrent.TimeUnit;

/**
 * Whether the lanes of a gateway hand trains to their UDP sockets as one message (UDP_SEGMENT), or
 * packet by packet. One for all lanes, since all packets leave through the same kernel.
 * Thread-safe.
 */
public final class SegmentationSwitch {
  /** The time after which trains are tried again, since a driver may have been mended. */
  static final long RETRY_NANOS = TimeUnit.HOURS.toNanos(1);

  /** Learns that trains are lost, on the thread of a lane. */
  @FunctionalInterface
  public interface Listener {
    /**
     * Trains are lost, and packets go one by one from now on.
     *
     * @param first whether it is the first time since the gateway started
     */
    void trainsLost(boolean first);
  }

  private final Listener listener;
  private volatile Mode mode;
  private volatile boolean suspended;
  private volatile long suspendedUntil;

  /** Guarded by this. */
  private boolean reported;

  public SegmentationSwitch(Mode mode, Listener listener) {
    this.mode = mode;
    this.listener = listener;
  }

  public Mode mode() {
    return mode;
  }

  /** Changes the mode. A suspension ends. */
  public synchronized void use(Mode newMode) {
    mode = newMode;
    suspended = false;
  }

  /** Whether a train may be handed over as one message. */
  boolean isOn(long nowNanos) {
    return switch (mode) {
      case ON -> true;
      case OFF -> false;
      case AUTO -> !isSuspended(nowNanos);
    };
  }

  /** Whether the loss of trains would suspend it. */
  boolean isWatched(long nowNanos) {
    return mode == Mode.AUTO && !isSuspended(nowNanos);
  }

  /** Whether it is off because trains were lost. */
  public boolean isSuspended(long nowNanos) {
    return suspended && nowNanos - suspendedUntil < 0;
  }

  /** Trains are lost: packets go one by one from now on, for {@link #RETRY_NANOS}. */
  void suspend(long nowNanos) {
    boolean first;
    synchronized (this) {
      if (!isWatched(nowNanos)) {
        return; // Another lane was faster, or the mode has changed.
      }
      suspendedUntil = nowNanos + RETRY_NANOS;
      suspended = true;
      first = !reported;
      reported = true;
    }
    listener.trainsLost(first);
  }
}
