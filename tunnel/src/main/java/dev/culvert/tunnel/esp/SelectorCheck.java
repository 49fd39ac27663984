// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.routing.PrefixTable;
import dev.culvert.tunnel.engine.AddressMemo;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Checks opened packets: padding, next header, and whether source and destination are the SA's. A
 * mask with one bit per packet, bit 0 for packet 0, names packets.
 */
final class SelectorCheck {
  private final EspState shared;
  private final DropCounters drops;

  // The table and the result of the last check, for one run.
  private PrefixTable<EspPeer> owners = PrefixTable.empty();
  private final AddressMemo lastSource = new AddressMemo();
  private final AddressMemo lastDestination = new AddressMemo();
  private @Nullable DropReason lastRefusal;

  SelectorCheck(EspState shared, DropCounters drops) {
    this.shared = shared;
    this.drops = drops;
  }

  /** Sets the inner length of each packet that may be delivered; returns their number. */
  int deliver(Train train, long packets, InboundSa sa) {
    owners = shared.owners;
    lastSource.forget();
    lastDestination.forget();
    int delivered = 0;
    for (long rest = packets; rest != 0; rest &= rest - 1) {
      int i = Long.numberOfTrailingZeros(rest);
      DropReason refused = check(train, i, sa);
      if (refused != null) {
        train.length(i, 0);
        drops.count(refused);
      } else {
        delivered++;
      }
    }
    return delivered;
  }

  /** Sets the inner length; returns the reason why the packet may not be delivered, or null. */
  private @Nullable DropReason check(Train train, int i, InboundSa sa) {
    MemorySegment memory = train.memory();
    long at = train.inner(i);
    long end = train.slot(i) + train.sealedLength(i) - EspFraming.ICV;
    int payload = EspFraming.payloadLength(memory, at, end);
    if (payload < 0) {
      return DropReason.BAD_PADDING;
    }
    int next = EspFraming.nextHeader(memory, end);
    if (next == EspFraming.NEXT_NONE) {
      return DropReason.DUMMY;
    }
    int expected =
        switch (next) {
          case EspFraming.NEXT_IPV4 -> 4;
          case EspFraming.NEXT_IPV6 -> 6;
          default -> 0;
        };
    if (expected == 0 || payload == 0 || IpHeader.version(memory, at) != expected) {
      return DropReason.MALFORMED;
    }
    // Bytes behind the packet's own end are padding that hides its length (RFC 4303 section 2.7).
    int length = IpHeader.length(memory, at, payload);
    train.length(i, length);
    return length == 0 ? DropReason.MALFORMED : addresses(memory, at, expected == 4, sa);
  }

  private @Nullable DropReason addresses(MemorySegment memory, long at, boolean v4, InboundSa sa) {
    long sourceHigh = IpHeader.sourceHigh(memory, at);
    long sourceLow = IpHeader.sourceLow(memory, at);
    long destinationHigh = IpHeader.destinationHigh(memory, at);
    long destinationLow = IpHeader.destinationLow(memory, at);
    // Both memos have to see the packet.
    boolean newSource = lastSource.isNew(v4, sourceHigh, sourceLow);
    boolean newDestination = lastDestination.isNew(v4, destinationHigh, destinationLow);
    if (newSource || newDestination) {
      // The addresses that the SA is for, and of those the ones that may pass now.
      Selectors agreed = sa.parameters().selectors();
      Selectors selectors = sa.peer().settings().selectors();
      EspPeer owner = v4 ? owners.lookup4((int) sourceLow) : owners.lookup6(sourceHigh, sourceLow);
      boolean remote =
          owner == sa.peer()
              && (v4 ? agreed.isRemote4((int) sourceLow) : agreed.isRemote6(sourceHigh, sourceLow));
      boolean local =
          v4
              ? agreed.isLocal4((int) destinationLow) && selectors.isLocal4((int) destinationLow)
              : agreed.isLocal6(destinationHigh, destinationLow)
                  && selectors.isLocal6(destinationHigh, destinationLow);
      lastRefusal =
          !remote
              ? DropReason.SOURCE_NOT_ALLOWED
              : local ? null : DropReason.DESTINATION_NOT_ALLOWED;
    }
    return lastRefusal;
  }
}
