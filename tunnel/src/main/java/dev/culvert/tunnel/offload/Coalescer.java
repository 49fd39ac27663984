// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Merges opened packets into super-packets for the TUN device, as the kernel's generic receive
 * offload does: neighbours of one TCP flow (or UDP flow, if the device takes {@code USO}) whose
 * headers differ only in fields that splitting them again would restore. Payloads are gathered
 * without copying.
 *
 * <p>A packet is merged only after its checksums were verified: the kernel writes new ones, and
 * must not turn a damaged packet into a good one. All other packets pass singly and unchanged. The
 * order within a flow is kept; several flows are held at once, so that interleaved streams still
 * merge.
 *
 * <p>Packets must stay in place until {@link #flush}. Owned by one lane; allocates nothing after
 * construction.
 */
public final class Coalescer {
  /** Most flows held at once. */
  static final int FLOWS = 8;

  private final TunWriter writer;
  private final boolean tso;
  private final boolean uso;
  private final Flow[] flows = new Flow[FLOWS];
  private final MemorySegment singleIovecs;
  private final MemorySegment singleHeader;
  private Candidate candidate = new Candidate();
  private int nextVictim;

  /**
   * Makes a coalescer.
   *
   * @param allocator allocates native memory that lives as long as this
   * @param tso whether the TUN device takes TCP super-packets
   * @param uso whether it takes UDP super-packets
   */
  public Coalescer(SegmentAllocator allocator, TunWriter writer, boolean tso, boolean uso) {
    this.writer = writer;
    this.tso = tso;
    this.uso = uso;
    for (int i = 0; i < FLOWS; i++) {
      flows[i] = new Flow(allocator);
    }
    singleHeader = allocator.allocate(VnetHeader.SIZE, 8);
    singleIovecs = allocator.allocate(32, 16);
    VnetHeader.putPlain(singleHeader, 0, 0);
    singleIovecs.set(ValueLayout.JAVA_LONG, 0, singleHeader.address());
    singleIovecs.set(ValueLayout.JAVA_LONG, 8, VnetHeader.SIZE);
  }

  /** Adds the inner packets of an opened train; those of length 0 are left out. */
  public void add(Train train) {
    for (int i = 0; i < train.packets(); i++) {
      if (train.length(i) > 0) {
        add(train.memory(), train.inner(i), train.length(i));
      }
    }
  }

  private void add(MemorySegment memory, long at, int length) {
    switch (candidate.read(memory, at, length, tso, uso)) {
      case MERGEABLE -> merge();
      case ALONE -> {
        flushAllThatPrecede();
        writeSingle(length);
      }
      case UNREADABLE -> {
        flush();
        writeSingle(length);
      }
    }
  }

  private void merge() {
    Flow flow = flowOfCandidate();
    if (flow != null && flow.accepts(candidate)) {
      if (flow.append(candidate)) {
        flow.flush(writer);
      }
      return;
    }
    if (flow != null) {
      flow.flush(writer);
    } else {
      flow = freeFlow();
    }
    boolean ends = candidate.ends();
    candidate = flow.open(candidate);
    if (ends) {
      flow.flush(writer);
    }
  }

  private @Nullable Flow flowOfCandidate() {
    for (Flow flow : flows) {
      if (flow.isFlowOf(candidate)) {
        return flow;
      }
    }
    return null;
  }

  /** A free flow; if none is left, flushes one, each in turn. */
  private Flow freeFlow() {
    for (Flow flow : flows) {
      if (!flow.isOpen()) {
        return flow;
      }
    }
    Flow victim = flows[nextVictim];
    nextVictim = (nextVictim + 1) % FLOWS;
    victim.flush(writer);
    return victim;
  }

  /** Flushes all flows between the two hosts, since without ports each may be the candidate's. */
  private void flushAllThatPrecede() {
    for (Flow flow : flows) {
      if (candidate.hasPorts ? flow.isFlowOf(candidate) : flow.isBetweenHostsOf(candidate)) {
        flow.flush(writer);
      }
    }
  }

  private void writeSingle(int length) {
    singleIovecs.set(ValueLayout.JAVA_LONG, 16, candidate.memory.address() + candidate.at);
    singleIovecs.set(ValueLayout.JAVA_LONG, 24, length);
    writer.write(singleIovecs, 2, 1, VnetHeader.SIZE + length);
  }

  /** Drops the held packets, also after a failure in any state; returns their number. */
  public int discard() {
    int packets = 0;
    for (Flow flow : flows) {
      packets += flow.discard();
    }
    candidate = new Candidate();
    return packets;
  }

  /** Writes all held packets. */
  public void flush() {
    for (Flow flow : flows) {
      if (flow.isOpen()) {
        flow.flush(writer);
      }
    }
  }
}
