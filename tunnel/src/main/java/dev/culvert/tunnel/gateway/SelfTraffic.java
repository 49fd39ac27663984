package dev.culvert.tunnel.gateway;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.NetworkOrder;
import dev.culvert.tunnel.offload.InnerPacket;
import java.lang.foreign.MemorySegment;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Knows the tunnel's own datagrams where a route leads them into the tunnel's own device: sealed
 * again they would go round for ever. They are known by the port that only this gateway's sockets
 * send from, the address they go to, and the source that was chosen for it, if one was. Shared by
 * all lanes; nothing is allocated or locked.
 */
final class SelfTraffic {
  /** A power of two. An address that another pushed out comes back with the next datagram to it. */
  private static final int ENTRIES = 1024;

  private static final int UDP = 17;
  private static final int ESP = 50;
  private static final int V6_FRAGMENT = 44;
  private static final int V6_FRAGMENT_BYTES = 8;
  private static final int FRAGMENT_OFFSET = 0xfff8;

  /** By address; a race loses an entry at worst, and endpoints are immutable. */
  private final @Nullable Endpoint[] sentTo = new @Nullable Endpoint[ENTRIES];

  private final IntSupplier device;
  private final boolean raw;
  private volatile int port;

  /**
   * @param device index of the tunnel's interface in the sockets' network namespace; negative while
   *     it is not there
   */
  SelfTraffic(IntSupplier device, Encapsulation encapsulation) {
    this.device = device;
    raw = encapsulation == Encapsulation.RAW;
  }

  /** The sockets send from this port from now on. */
  void sendFrom(int newPort) {
    port = newPort;
  }

  /** To be called before a datagram goes out. */
  void sendingTo(Endpoint to) {
    IpAddress address = to.address();
    int entry = address.v4() ? entry((int) address.low()) : entry(address.high(), address.low());
    if (!to.equals(sentTo[entry])) {
      sentTo[entry] = to;
    }
  }

  /** Whether a datagram from there came out of the tunnel's own device. */
  boolean cameFromTunnel(Endpoint from) {
    return from.sourceInterface() == device.getAsInt();
  }

  /**
   * Whether a packet that came out of the device's queue is one of ours.
   *
   * @param at where {@code packet} begins
   */
  boolean isOwn(InnerPacket packet, MemorySegment memory, long at) {
    Endpoint to =
        sentTo[
            packet.v4()
                ? entry(packet.destination4())
                : entry(packet.destinationHigh(), packet.destinationLow())];
    return to != null
        && isDestination(packet, to.address())
        && isSource(packet, to.source())
        && isTransport(packet, memory, at + packet.headerLength());
  }

  private static boolean isDestination(InnerPacket packet, IpAddress address) {
    return packet.v4()
        ? address.v4() && packet.destination4() == (int) address.low()
        : !address.v4()
            && packet.destinationHigh() == address.high()
            && packet.destinationLow() == address.low();
  }

  private static boolean isSource(InnerPacket packet, @Nullable IpAddress chosen) {
    return chosen == null
        || (packet.v4()
            ? packet.source4() == (int) chosen.low()
            : packet.sourceHigh() == chosen.high() && packet.sourceLow() == chosen.low());
  }

  private boolean isTransport(InnerPacket packet, MemorySegment memory, long transport) {
    int protocol = packet.protocol();
    long at = transport;
    if (!packet.v4() && protocol == V6_FRAGMENT && at + V6_FRAGMENT_BYTES <= memory.byteSize()) {
      boolean first = (NetworkOrder.u16(memory, at + 2) & FRAGMENT_OFFSET) == 0;
      protocol = first ? NetworkOrder.u8(memory, at) : V6_FRAGMENT;
      at += V6_FRAGMENT_BYTES;
    }
    return switch (protocol) {
      // Later fragments go round once more, whole, and are known then.
      case UDP -> !packet.laterFragment() && NetworkOrder.u16(memory, at) == port;
      case ESP -> raw;
      default -> false;
    };
  }

  private static int entry(int address) {
    return mix(address);
  }

  private static int entry(long high, long low) {
    return mix(Long.hashCode(high * 31 + low));
  }

  private static int mix(int hash) {
    return (hash * 0x9e37_79b9) >>> 22;
  }
}
