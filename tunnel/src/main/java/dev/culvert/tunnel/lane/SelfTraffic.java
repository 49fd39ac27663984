package dev.culvert.tunnel.lane;

import dev.culvert.routing.IpAddress;
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
 * Knows the tunnel's own datagrams where a route leads them into the tunnel's own device: sealed
 * again they would go round for ever. They are known by the port that only this gateway's sockets
 * send from, the address and port they go to, and their source: the one that was chosen for the
 * peer, or any of this host's, since the kernel may choose and a MASQUERADE rule may replace it. A
 * pod's datagram is not taken for one. Shared by all lanes; nothing is allocated or locked.
 */
public final class SelfTraffic {
  /** A power of two. An address that another pushed out comes back with the next datagram to it. */
  private static final int ENTRIES = 1024;

  private static final int V6_FRAGMENT_BYTES = 8;
  private static final int FRAGMENT_OFFSET = 0xfff8;

  /**
   * By address and port, and by the address alone for ESP packets, which have no port. A race loses
   * an entry at worst, and endpoints are immutable.
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
   *     it is not there
   */
  public SelfTraffic(
      IntSupplier device, Encapsulation encapsulation, HostAddresses host, LoopReports loops) {
    this.device = device;
    this.host = host;
    this.loops = loops;
    raw = encapsulation == Encapsulation.RAW;
  }

  /** The sockets send from this port from now on. */
  public void sendFrom(int newPort) {
    port = newPort;
  }

  /** To be called before a datagram goes out. */
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

  /** Whether a datagram from there came out of the tunnel's own device. */
  boolean cameFromTunnel(DatagramSource from) {
    return from.sourceInterface() == device.getAsInt();
  }

  /**
   * The endpoint that a packet is for that came out of the device's queue, if it is one of ours;
   * null if it is not.
   *
   * @param at where {@code packet} begins
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
      // Later fragments go round once more, whole, and are known then.
      case IpHeader.UDP ->
          !packet.laterFragment() && NetworkOrder.u16(memory, transport) == port
              ? sentTo(packet, NetworkOrder.u16(memory, transport + 2))
              : null;
      case IpHeader.ESP -> raw ? sentTo(packet, NO_PORT) : null;
      default -> null;
    };
  }

  /** A packet of ours came out of the device: has it said, now and then. */
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
