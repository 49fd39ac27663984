package dev.culvert.routing;

/** Two nodes claim one range. A map that says so is refused whole; the old one stays. */
public final class OwnerConflictException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  OwnerConflictException(Prefix prefix, String first, String second) {
    super(prefix + " belongs to both " + first + " and " + second);
  }
}
