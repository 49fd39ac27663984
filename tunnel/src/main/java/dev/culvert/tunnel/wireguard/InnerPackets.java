package dev.culvert.tunnel.wireguard;

import dev.culvert.routing.PrefixTable;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.InnerIp;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What stands in opened packets: whether each is an IP packet whose source belongs to the peer that
 * sent it. Packets are named by the bits of a mask, bit 0 for packet 0.
 */
final class InnerPackets {
  private final AllowedIps allowedIps;
  private final DropCounters drops;

  // The table and the last source looked up in it, for one run: mostly all have the same source.
  private PrefixTable<WireGuardPeer> owners = PrefixTable.empty();
  private @Nullable WireGuardPeer lastOwner;
  private boolean lastV4;
  private long lastHigh;
  private long lastLow;

  InnerPackets(AllowedIps allowedIps, DropCounters drops) {
    this.allowedIps = allowedIps;
    this.drops = drops;
  }

  /** Whether any of the packets is more than a keepalive. */
  boolean hasData(Train train, long packets) {
    // All are as long as the first but for the last, which may be a keepalive.
    int first = Long.numberOfTrailingZeros(packets);
    return train.sealedLength(first) > DataMessages.DATA_OVERHEAD;
  }

  /** Bytes of the packets on the wire. */
  int bytes(Train train, long packets) {
    int bytes = Long.bitCount(packets) * train.stride();
    boolean last = (packets >>> (train.packets() - 1) & 1) != 0;
    return last ? bytes - train.stride() + train.lastSealedLength() : bytes;
  }

  /** Sets the inner length of each packet that may be delivered; the number of those. */
  int deliver(Train train, long packets, WireGuardPeer peer) {
    owners = allowedIps.table();
    lastOwner = null;
    int delivered = 0;
    for (long rest = packets; rest != 0; rest &= rest - 1) {
      int i = Long.numberOfTrailingZeros(rest);
      int plain = train.sealedLength(i) - DataMessages.DATA_OVERHEAD;
      if (plain == 0) {
        continue;
      }
      int length = InnerIp.length(train.memory(), train.inner(i), plain);
      if (length == 0) {
        drops.count(DropReason.MALFORMED);
      } else if (sourceOwner(train.memory(), train.inner(i)) != peer) {
        drops.count(DropReason.SOURCE_NOT_ALLOWED);
      } else {
        train.length(i, length);
        delivered++;
      }
    }
    return delivered;
  }

  private @Nullable WireGuardPeer sourceOwner(MemorySegment memory, long at) {
    boolean v4 = InnerIp.version(memory, at) == 4;
    long high = InnerIp.sourceHigh(memory, at);
    long low = InnerIp.sourceLow(memory, at);
    if (lastOwner == null || v4 != lastV4 || high != lastHigh || low != lastLow) {
      lastOwner = v4 ? owners.lookup4((int) low) : owners.lookup6(high, low);
      lastV4 = v4;
      lastHigh = high;
      lastLow = low;
    }
    return lastOwner;
  }
}
