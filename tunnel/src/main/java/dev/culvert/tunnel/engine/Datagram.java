// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One datagram for an engine to send: filled by {@link TunnelEngine#pollTransmit}, and reused for
 * the next.
 */
public final class Datagram {
  /** Bytes that suffice for any datagram of an engine. */
  public static final int CAPACITY = Train.BUFFER_BYTES;

  /**
   * The {@link #tos} of handshakes and other messages that keys depend on: AF41 (RFC 2597), as the
   * kernel's WireGuard has it, so that they get through if data is dropped.
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

  /** The receiving peer, or null for an answer to an unknown sender (a cookie reply). */
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

  /** Sets the length and destination of the datagram in the memory. */
  public void fill(
      int newLength, @Nullable TunnelPeer newPeer, Endpoint newDestination, int newTos) {
    tos = newTos;
    length = newLength;
    peer = newPeer;
    destination = newDestination;
  }
}
