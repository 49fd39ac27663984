// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.routing.PrefixTable;
import dev.culvert.tunnel.engine.AddressMemo;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The check of opened packets: each must be an IP packet whose source belongs to the peer that sent
 * it. Packets are named by the bits of a mask, bit 0 for packet 0.
 */
final class SourceCheck {
  private final AllowedIps allowedIps;
  private final DropCounters drops;

  // For one run.
  private PrefixTable<WireGuardPeer> owners = PrefixTable.empty();
  private final AddressMemo lastSource = new AddressMemo();
  private @Nullable WireGuardPeer lastOwner;

  SourceCheck(AllowedIps allowedIps, DropCounters drops) {
    this.allowedIps = allowedIps;
    this.drops = drops;
  }

  /** Sets the inner length of each packet that may be delivered; the number of those. */
  int deliver(Train train, long packets, WireGuardPeer peer) {
    owners = allowedIps.table();
    lastSource.forget();
    int delivered = 0;
    for (long rest = packets; rest != 0; rest &= rest - 1) {
      int i = Long.numberOfTrailingZeros(rest);
      int plain = train.sealedLength(i) - DataMessages.DATA_OVERHEAD;
      if (plain == 0) {
        continue;
      }
      int length = IpHeader.length(train.memory(), train.inner(i), plain);
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
    boolean v4 = IpHeader.version(memory, at) == 4;
    long high = IpHeader.sourceHigh(memory, at);
    long low = IpHeader.sourceLow(memory, at);
    if (lastSource.isNew(v4, high, low)) {
      lastOwner = v4 ? owners.lookup4((int) low) : owners.lookup6(high, low);
    }
    return lastOwner;
  }
}
