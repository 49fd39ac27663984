package dev.culvert.routing;

/**
 * A firewall mark and the bits of it that count, so that others may use the rest.
 *
 * @param value what a packet's mark is in the bits of {@code mask}; has no other bits
 * @param mask the bits that are compared, not 0
 */
public record Mark(int value, int mask) {
  public Mark {
    if (mask == 0 || (value & ~mask) != 0) {
      throw new IllegalArgumentException(
          "mark 0x%x does not fit the mask 0x%x".formatted(value, mask));
    }
  }

  /** A mark of which every bit counts. */
  public static Mark of(int value) {
    return new Mark(value, -1);
  }

  /** As {@code ip rule} prints it. */
  @Override
  public String toString() {
    return mask == -1 ? "0x%x".formatted(value) : "0x%x/0x%x".formatted(value, mask);
  }
}
