package dev.culvert.tunnel.wireguard;

import dev.culvert.routing.PrefixTable;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * What stands in opened packets: whether each is an IP packet whose source belongs to the peer that
 * sent it. Packets are named by the bits of a mask, bit 0 for packet 0.
 */
final class InnerPackets {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private static final int V4_HEADER = 20;
  private static final int V4_TOTAL_LENGTH = 2;
  private static final int V4_SOURCE = 12;
  private static final int V6_HEADER = 40;
  private static final int V6_PAYLOAD_LENGTH = 4;
  private static final int V6_SOURCE = 8;

  private final AllowedIps allowedIps;
  private final DropCounters drops;

  InnerPackets(AllowedIps allowedIps, DropCounters drops) {
    this.allowedIps = allowedIps;
    this.drops = drops;
  }

  /** Whether any of the packets is more than a keepalive. */
  boolean hasData(Train train, long packets) {
    // All are as long as the first but for the last, which may be a keepalive.
    int first = Long.numberOfTrailingZeros(packets);
    return train.sealedLength(first) > Messages.DATA_OVERHEAD;
  }

  /** Bytes of the packets on the wire. */
  int bytes(Train train, long packets) {
    int bytes = Long.bitCount(packets) * train.stride();
    boolean last = (packets >>> (train.packets() - 1) & 1) != 0;
    return last ? bytes - train.stride() + train.lastSealedLength() : bytes;
  }

  /** Sets the inner length of each packet that may be delivered; the number of those. */
  int deliver(Train train, long packets, WireGuardPeer peer) {
    PrefixTable<WireGuardPeer> owners = allowedIps.table();
    int delivered = 0;
    for (long rest = packets; rest != 0; rest &= rest - 1) {
      int i = Long.numberOfTrailingZeros(rest);
      int plain = train.sealedLength(i) - Messages.DATA_OVERHEAD;
      if (plain == 0) {
        continue;
      }
      int length = packetLength(train.memory(), train.inner(i), plain);
      if (length == 0) {
        drops.count(DropReason.MALFORMED);
      } else if (sourceOwner(owners, train.memory(), train.inner(i)) != peer) {
        drops.count(DropReason.SOURCE_NOT_ALLOWED);
      } else {
        train.length(i, length);
        delivered++;
      }
    }
    return delivered;
  }

  /** The length that the IP header gives, 0 where that cannot be. */
  private static int packetLength(MemorySegment memory, long at, int plain) {
    int version = memory.get(ValueLayout.JAVA_BYTE, at) >>> 4 & 15;
    int length = 0;
    if (version == 4 && plain >= V4_HEADER) {
      length = memory.get(SHORT, at + V4_TOTAL_LENGTH) & 0xffff;
      length = length < V4_HEADER ? 0 : length;
    } else if (version == 6 && plain >= V6_HEADER) {
      length = V6_HEADER + (memory.get(SHORT, at + V6_PAYLOAD_LENGTH) & 0xffff);
    }
    return length <= plain ? length : 0;
  }

  private static @Nullable WireGuardPeer sourceOwner(
      PrefixTable<WireGuardPeer> owners, MemorySegment memory, long at) {
    return memory.get(ValueLayout.JAVA_BYTE, at) >>> 4 == 4
        ? owners.lookup4(memory.get(INT, at + V4_SOURCE))
        : owners.lookup6(memory.get(LONG, at + V6_SOURCE), memory.get(LONG, at + V6_SOURCE + 8));
  }
}
