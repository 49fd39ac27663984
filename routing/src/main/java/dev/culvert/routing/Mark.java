// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

/**
 * A firewall mark and the bits of it that count, so that other programs may use the rest.
 *
 * @param value a packet's mark in the bits of {@code mask}; has no other bits
 * @param mask the bits that are compared, not 0
 */
public record Mark(int value, int mask) {
  public Mark {
    if (mask == 0 || (value & ~mask) != 0) {
      throw new IllegalArgumentException(
          "mark 0x%x does not fit the mask 0x%x".formatted(value, mask));
    }
  }

  /** A mark all of whose bits count. */
  public static Mark of(int value) {
    return new Mark(value, -1);
  }

  /** The form that {@code ip rule} prints. */
  @Override
  public String toString() {
    return mask == -1 ? "0x%x".formatted(value) : "0x%x/0x%x".formatted(value, mask);
  }
}
