// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.IpProtocol;
import dev.culvert.tunnel.engine.DatagramSource;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.engine.NetworkOrder;
import dev.culvert.tunnel.offload.InnerPacket;
import dev.culvert.tunnel.port.Encapsulation;
import java.lang.foreign.MemorySegment;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Recognises the tunnel's own datagrams if a route leads them into the tunnel's own device: sealed
 * again, they would circulate for ever. The signs are the source port, which only this gateway's
 * sockets use, the destination, and the source address: the one chosen for the peer, or any of this
 * host's, since the kernel may choose it and a MASQUERADE rule may replace it. A pod's datagram
 * does not match. Shared by all lanes; allocates and locks nothing.
 */
public final class SelfTraffic {
  /** A power of two. An evicted address returns with the next datagram to it. */
  private static final int ENTRIES = 1024;

  private static final int V6_FRAGMENT_BYTES = 8;
  private static final int FRAGMENT_OFFSET = 0xfff8;

  /**
   * Destinations by address and port, and by address alone for ESP packets, which have no port. A
   * race loses an entry at worst, and endpoints are immutable.
   */
  private final @Nullable Endpoint[] sentTo = new @Nullable Endpoint[ENTRIES];

  private static final int NO_PORT = 0;

  private final IntSupplier device;
  private final boolean raw;
  private final HostAddresses host;
  private final LoopReports loops;
  private volatile int port;

  /**
   * @param device index of the tunnel's interface in the sockets' network namespace; negative while
   *     it is elsewhere
   */
  public SelfTraffic(
      IntSupplier device, Encapsulation encapsulation, HostAddresses host, LoopReports loops) {
    this.device = device;
    this.host = host;
    this.loops = loops;
    raw = encapsulation == Encapsulation.RAW;
  }

  /** Sets the port that the sockets send from. */
  public void sendFrom(int newPort) {
    port = newPort;
  }

  /** Records the destination of a datagram; called before it is sent. */
  public void sendingTo(Endpoint to) {
    remember(to, to.port());
    if (raw) {
      remember(to, NO_PORT);
    }
  }

  private void remember(Endpoint to, int byPort) {
    IpAddress address = to.address();
    int entry =
        address.v4()
            ? entry((int) address.low(), byPort)
            : entry(address.high(), address.low(), byPort);
    if (!to.equals(sentTo[entry])) {
      sentTo[entry] = to;
    }
  }

  /** Whether a datagram from {@code from} came out of the tunnel's own device. */
  boolean cameFromTunnel(DatagramSource from) {
    return from.sourceInterface() == device.getAsInt();
  }

  /**
   * The destination of a packet from the device's queue if the packet is one of the tunnel's own;
   * else null.
   *
   * @param at offset at which {@code packet} begins
   */
  @Nullable Endpoint own(InnerPacket packet, MemorySegment memory, long at) {
    int protocol = packet.protocol();
    long transport = at + packet.headerLength();
    if (!packet.v4()
        && protocol == IpHeader.V6_FRAGMENT
        && transport + V6_FRAGMENT_BYTES <= memory.byteSize()) {
      boolean first = (NetworkOrder.u16(memory, transport + 2) & FRAGMENT_OFFSET) == 0;
      protocol = first ? NetworkOrder.u8(memory, transport) : IpHeader.V6_FRAGMENT;
      transport += V6_FRAGMENT_BYTES;
    }
    return switch (protocol) {
      // Later fragments circulate once more, as whole packets, and are recognised then.
      case IpProtocol.UDP ->
          !packet.laterFragment() && NetworkOrder.u16(memory, transport) == port
              ? sentTo(packet, NetworkOrder.u16(memory, transport + 2))
              : null;
      case IpProtocol.ESP -> raw ? sentTo(packet, NO_PORT) : null;
      default -> null;
    };
  }

  /** Reports, at a limited rate, that a packet of ours came out of the device. */
  void looped(Endpoint to, long nowNanos) {
    loops.found(to, nowNanos);
  }

  private @Nullable Endpoint sentTo(InnerPacket packet, int toPort) {
    Endpoint to =
        sentTo[
            packet.v4()
                ? entry(packet.destination4(), toPort)
                : entry(packet.destinationHigh(), packet.destinationLow(), toPort)];
    return to != null
            && (toPort == NO_PORT || toPort == to.port())
            && isDestination(packet, to.address())
            && isSource(packet, to.source())
        ? to
        : null;
  }

  private static boolean isDestination(InnerPacket packet, IpAddress address) {
    return packet.v4()
        ? address.v4() && packet.destination4() == (int) address.low()
        : !address.v4()
            && packet.destinationHigh() == address.high()
            && packet.destinationLow() == address.low();
  }

  private boolean isSource(InnerPacket packet, @Nullable IpAddress chosen) {
    if (packet.v4()) {
      return (chosen != null && packet.source4() == (int) chosen.low())
          || host.mayHave4(packet.source4());
    }
    long high = packet.sourceHigh();
    long low = packet.sourceLow();
    return (chosen != null && high == chosen.high() && low == chosen.low())
        || host.mayHave6(high, low);
  }

  private static int entry(int address, int port) {
    return mix(address * 31 + port);
  }

  private static int entry(long high, long low, int port) {
    return mix(Long.hashCode(high * 31 + low) * 31 + port);
  }

  private static int mix(int hash) {
    return (hash * 0x9e37_79b9) >>> 22;
  }
}
