// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.manual;

/**
 * Records which sequence numbers of a manual key may have been used, on a medium that outlives the
 * process. Numbers only increase.
 */
public interface SequenceStore {
  /**
   * Unused numbers that only the caller will use.
   *
   * @param first the first number, at least 1
   * @param end the number after the last; equal to {@code first} if none are left
   */
  record Block(long first, long end) {}

  /**
   * Reserves the next numbers. Once this returns the record is on the medium: no process ever gets
   * these numbers again.
   *
   * @param fingerprint the key's {@link ManualSa#fingerprint}
   * @param count how many numbers; the result has fewer at the end of the space
   * @param spaceEnd the first number that the key must never be used with
   * @throws SequenceRefusedException if the record is gone, cannot be written, belongs to another
   *     key, or is older than the numbers in use; nothing was reserved
   */
  Block reserve(String fingerprint, long count, long spaceEnd) throws SequenceRefusedException;
}
