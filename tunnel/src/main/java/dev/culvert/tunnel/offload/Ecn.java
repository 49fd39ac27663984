// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.engine.NetworkOrder;
import java.lang.foreign.MemorySegment;

/**
 * Explicit congestion notification through the tunnel (RFC 6040, normal mode). Congestion marks of
 * the underlay reach the inner packet. DSCP is not copied to the outer header, so that the underlay
 * learns nothing from it.
 */
public final class Ecn {
  public static final int NOT_ECT = 0;
  public static final int ECT_1 = 1;
  public static final int ECT_0 = 2;
  public static final int CE = 3;

  /** The packet must not be delivered: its sender does not understand the mark that it carries. */
  public static final int DROP = -1;

  private static final int MASK = 3;

  private Ecn() {}

  /** The outer TOS byte of a packet with this inner one: DSCP 0, the same ECN. */
  public static int encapsulate(int innerTos) {
    return innerTos & MASK;
  }

  /** The inner ECN field after the tunnel, or {@link #DROP} (RFC 6040, figure 4). */
  public static int decapsulate(int outer, int inner) {
    return switch (outer & MASK) {
      case CE -> (inner & MASK) == NOT_ECT ? DROP : CE;
      case ECT_1 -> (inner & MASK) == ECT_0 ? ECT_1 : inner & MASK;
      default -> inner & MASK;
    };
  }

  /**
   * Merges the outer header's ECN field into the inner packet at {@code at}, which has a whole IPv4
   * or IPv6 header. A right IPv4 header checksum stays right, a wrong one stays wrong.
   *
   * @return false if the packet must be dropped
   */
  public static boolean decapsulate(MemorySegment memory, long at, int outer) {
    if ((outer & MASK) == NOT_ECT) {
      return true;
    }
    boolean v4 = IpHeader.version(memory, at) == 4;
    int before = NetworkOrder.u16(memory, at);
    int shift = v4 ? 0 : 4;
    int inner = before >>> shift & MASK;
    int combined = decapsulate(outer, inner);
    if (combined == DROP) {
      return false;
    }
    if (combined != inner) {
      int after = (before & ~(MASK << shift)) | (combined << shift);
      NetworkOrder.put16(memory, at, after);
      if (v4) {
        long checksum = at + IpHeader.V4_CHECKSUM;
        long sum = ~Checksum.load(memory, checksum) & 0xffff;
        Checksum.put(memory, checksum, sum + Checksum.without(before) + Checksum.word(after));
      }
    }
    return true;
  }
}
