// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

/**
 * Thrown if two nodes claim one range. The whole map is refused, and the old one stays in force.
 */
public final class OwnerConflictException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  OwnerConflictException(Prefix prefix, String first, String second) {
    super(prefix + " belongs to both " + first + " and " + second);
  }
}
