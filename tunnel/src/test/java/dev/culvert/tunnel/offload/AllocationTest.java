// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.train.Train;
import dev.culvert.tunnel.wireguard.WireGuardOverhead;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The segmenter, the coalescer, ECN and ICMP errors allocate nothing per packet. */
class AllocationTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final Overhead OVERHEAD = WireGuardOverhead.INSTANCE;
  private static final IpAddress GATEWAY = IpAddress.parse("192.0.2.1");

  private final MemorySegment wire = Arena.ofAuto().allocate(1 << 17);
  private final MemorySegment reply = Arena.ofAuto().allocate(Icmp.MAX_LENGTH);
  private final Train train = new Train();
  private final Segmenter segmenter = new Segmenter();
  private final Icmp icmp = new Icmp();
  private int written;
  private final Coalescer coalescer =
      new Coalescer(
          Arena.ofAuto(), (iovecs, count, packets, bytes) -> written += packets, true, true);

  private void roundTrip(MemorySegment[] reads) {
    for (MemorySegment read : reads) {
      assertTrue(segmenter.begin(read, 0, (int) read.byteSize()));
      while (segmenter.hasNext()) {
        train.startAt(wire, 0, OVERHEAD.headroom());
        segmenter.fill(train, OVERHEAD, 1420);
        Ecn.decapsulate(wire, train.inner(0), Ecn.ECT_1);
        coalescer.add(train);
        coalescer.flush();
      }
      if (segmenter.packet().v4()) {
        long length = train.length(0);
        icmp.tooBig(wire, train.inner(0), (int) length, GATEWAY, 1400, reply, 0);
      }
    }
  }

  @Test
  void steadyStateAllocatesNothing() {
    Random random = new Random(1);
    MemorySegment[] reads = new MemorySegment[40];
    for (int i = 0; i < reads.length; i++) {
      byte[] bytes = TestPacket.random(random, 20_000).toOffloaded(i % 10 == 0 ? 0 : 1200);
      reads[i] = TestPacket.inMemory(Arena.ofAuto(), bytes);
    }
    // An allocation per packet occurs in every round; linking a call site happens once.
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 10; round++) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 10; i++) {
        roundTrip(reads);
      }
      least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
    }
    assertEquals(0, least);
    assertTrue(written > 1000);
  }
}
