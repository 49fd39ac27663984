// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

/** A new key file does not follow from the keys in use. The keys in use stay. */
public final class RotationRefusedException extends Exception {
  private static final long serialVersionUID = 1L;

  RotationRefusedException(String reason) {
    super(reason);
  }
}
