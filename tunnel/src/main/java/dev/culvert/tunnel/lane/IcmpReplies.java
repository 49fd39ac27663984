// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.offload.Icmp;
import dev.culvert.tunnel.offload.InnerPacket;
import dev.culvert.tunnel.offload.TunWriter;
import dev.culvert.tunnel.offload.VnetHeader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Tells senders on this node why a packet of theirs was dropped, so that connections fail at once
 * and not by timeout, and learn the path's MTU. At most one reply of each kind per ten
 * milliseconds, which keeps this a cold path under any flood.
 *
 * <p>A reply's source is the unreachable address. The way back to it leads through the tunnel
 * interface, so no reverse-path filter drops the reply, and it is never an address of this node,
 * which the kernel would refuse from a device.
 */
final class IcmpReplies {
  private static final long INTERVAL_NANOS = 10_000_000;

  private final Icmp icmp = new Icmp();
  private final TunWriter tun;
  private final MemorySegment reply;
  private final MemorySegment iovec;
  private long nextUnreachableNanos = Long.MIN_VALUE;
  private long nextTooBigNanos = Long.MIN_VALUE;

  IcmpReplies(SegmentAllocator memory, TunWriter tun) {
    this.tun = tun;
    reply = memory.allocate(VnetHeader.SIZE + Icmp.MAX_LENGTH, 8);
    iovec = memory.allocate(16, 16);
    VnetHeader.putPlain(reply, 0, 0);
  }

  /** Answers the packet at {@code at} if senders are to learn of {@code refusal}. */
  void refused(
      DropReason refusal, MemorySegment memory, long at, InnerPacket packet, long nowNanos) {
    Icmp.Unreachable why = unreachable(refusal);
    if (why == null || nowNanos < nextUnreachableNanos) {
      return;
    }
    int length =
        icmp.unreachable(
            memory, at, packet.length(), destination(packet), why, reply, VnetHeader.SIZE);
    if (length > 0) {
      nextUnreachableNanos = nowNanos + INTERVAL_NANOS;
      write(length);
    }
  }

  private static Icmp.@Nullable Unreachable unreachable(DropReason refusal) {
    return switch (refusal) {
      case NO_ROUTE, NO_OWNER, NO_PEER -> Icmp.Unreachable.ADDRESS;
      case OUTSIDE_CLUSTER -> Icmp.Unreachable.NO_ROUTE;
      case FOREIGN_SOURCE -> Icmp.Unreachable.PROHIBITED;
      default -> null;
    };
  }

  /** Answers the packet at {@code at} with the path's MTU. */
  void tooBig(MemorySegment memory, long at, InnerPacket packet, int mtu, long nowNanos) {
    if (nowNanos < nextTooBigNanos) {
      return;
    }
    int length =
        icmp.tooBig(memory, at, packet.length(), destination(packet), mtu, reply, VnetHeader.SIZE);
    if (length > 0) {
      nextTooBigNanos = nowNanos + INTERVAL_NANOS;
      write(length);
    }
  }

  private static IpAddress destination(InnerPacket packet) {
    return packet.v4()
        ? IpAddress.ofV4(packet.destination4())
        : new IpAddress(false, packet.destinationHigh(), packet.destinationLow());
  }

  private void write(int length) {
    int bytes = VnetHeader.SIZE + length;
    iovec.set(ValueLayout.JAVA_LONG, 0, reply.address());
    iovec.set(ValueLayout.JAVA_LONG, 8, bytes);
    tun.write(iovec, 1, 1, bytes);
  }
}
