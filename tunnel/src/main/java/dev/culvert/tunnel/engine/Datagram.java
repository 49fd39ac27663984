package dev.culvert.tunnel.engine;

import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One datagram that an engine wants sent: filled by {@link TunnelEngine#pollTransmit}, used again
 * for the next.
 */
public final class Datagram {
  /** Room for any datagram an engine makes. */
  public static final int CAPACITY = Train.BUFFER_BYTES;

  /**
   * The {@link #tos} of handshakes and other messages that keys depend on: AF41 (RFC 2597), as the
   * kernel's WireGuard has it, so that they come through where data is dropped.
   */
  public static final int CONTROL = 0x88;

  private final MemorySegment memory;
  private int length;
  private @Nullable TunnelPeer peer;
  private @Nullable Endpoint destination;
  private int tos;

  public Datagram(Arena arena) {
    memory = arena.allocate(CAPACITY, 64);
  }

  /** The bytes, from offset 0. */
  public MemorySegment memory() {
    return memory;
  }

  public int length() {
    return length;
  }

  /** The peer it is for, or null where it answers somebody unknown (a cookie reply). */
  public @Nullable TunnelPeer peer() {
    return peer;
  }

  public Endpoint destination() {
    Endpoint to = destination;
    if (to == null) {
      throw new IllegalStateException("datagram not filled");
    }
    return to;
  }

  /** The outer header's DSCP and ECN, 0 to 255. */
  public int tos() {
    return tos;
  }

  /** Says what is in the memory now, and where it goes. */
  public void fill(
      int newLength, @Nullable TunnelPeer newPeer, Endpoint newDestination, int newTos) {
    tos = newTos;
    length = newLength;
    peer = newPeer;
    destination = newDestination;
  }
}
