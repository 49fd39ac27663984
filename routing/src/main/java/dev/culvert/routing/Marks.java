// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

/**
 * The three marks by which rules and guard know packets.
 *
 * @param encapsulation of the packets that carry the tunnel
 * @param bypass of packets that the gateway sends in clear on purpose
 * @param overlay of packets that came out of the tunnel
 */
public record Marks(Mark encapsulation, Mark bypass, Mark overlay) {
  /** Bits that neither kube-proxy (0xc000) nor Calico (the upper half) uses. */
  private static final int BITS = 0x1ff0;

  /** The marks of a gateway whose configuration sets none. */
  public static final Marks DEFAULT =
      new Marks(new Mark(0x1c70, BITS), new Mark(0x1cb0, BITS), new Mark(0x1cf0, BITS));

  /**
   * The marks of a gateway whose sockets have the mark {@code fwmark}, all of whose bits count.
   *
   * @param fwmark 0: the default marks
   */
  public static Marks of(int fwmark) {
    if (fwmark == 0) {
      return DEFAULT;
    }
    // Any value except the other two marks and 0, which unmarked packets have.
    int overlay = fwmark ^ (fwmark == 1 ? 2 : 1);
    return new Marks(Mark.of(fwmark), Mark.of(~fwmark), Mark.of(overlay));
  }
}
