package dev.culvert.tunnel.gateway;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.offload.Icmp;
import dev.culvert.tunnel.offload.InnerPacket;
import dev.culvert.tunnel.offload.TunWriter;
import dev.culvert.tunnel.offload.VnetHeader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;

/**
 * Tells senders on this node that nobody owns the address they send to, so that connections fail at
 * once and not by timeout. At most one reply in ten milliseconds: a cold path, whatever is thrown
 * at it.
 */
final class IcmpReplies {
  private static final long INTERVAL_NANOS = 10_000_000;

  private final Icmp icmp = new Icmp();
  private final TunWriter tun;
  private final MemorySegment reply;
  private final MemorySegment iovec;
  private long nextNanos = Long.MIN_VALUE;

  IcmpReplies(SegmentAllocator memory, TunWriter tun) {
    this.tun = tun;
    reply = memory.allocate(VnetHeader.SIZE + Icmp.MAX_LENGTH, 8);
    iovec = memory.allocate(16, 16);
    VnetHeader.putPlain(reply, 0, 0);
  }

  /**
   * Answers the packet at {@code at} with "address unreachable". The reply comes from the address
   * that is unreachable: its way back leads through the tunnel interface, so no reverse-path filter
   * takes it for forged.
   */
  void unreachable(MemorySegment memory, long at, InnerPacket packet, long nowNanos) {
    if (nowNanos < nextNanos) {
      return;
    }
    nextNanos = nowNanos + INTERVAL_NANOS;
    IpAddress from =
        packet.v4()
            ? IpAddress.ofV4(packet.destination4())
            : new IpAddress(false, packet.destinationHigh(), packet.destinationLow());
    int length =
        icmp.unreachable(
            memory, at, packet.length(), from, Icmp.Unreachable.ADDRESS, reply, VnetHeader.SIZE);
    if (length > 0) {
      int bytes = VnetHeader.SIZE + length;
      iovec.set(ValueLayout.JAVA_LONG, 0, reply.address());
      iovec.set(ValueLayout.JAVA_LONG, 8, bytes);
      tun.write(iovec, 1, 1, bytes);
    }
  }
}
