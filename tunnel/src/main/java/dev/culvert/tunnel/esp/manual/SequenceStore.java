package dev.culvert.tunnel.esp.manual;

/**
 * Which sequence numbers of a manual key may have been used, on a medium that outlives the process.
 * Numbers only go up.
 */
public interface SequenceStore {
  /**
   * Numbers that nobody used before and that only the caller will use.
   *
   * @param first the first of them, at least 1
   * @param end the first behind them; equal to {@code first} where none are left
   */
  record Block(long first, long end) {}

  /**
   * Reserves the next numbers. Once this returns the record is on the medium: no process will ever
   * be given them again.
   *
   * @param fingerprint the key's {@link ManualSa#fingerprint}
   * @param count how many; fewer where the space ends
   * @param spaceEnd the first number that the key must never be used with
   * @throws SequenceRefusedException if the record is gone, cannot be written, belongs to another
   *     key, or is older than what was used: nothing was reserved
   */
  Block reserve(String fingerprint, long count, long spaceEnd) throws SequenceRefusedException;
}
