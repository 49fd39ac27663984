// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.StateException;
import java.util.Map;
import java.util.Set;

/**
 * The part of a {@link Keying} in the state of another process. It was read and checked, and
 * changed nothing yet.
 */
public interface KeyingState {
  /** A state of which nothing continues. */
  KeyingState NOTHING =
      new KeyingState() {
        @Override
        public Set<SaKeyId> continuing() {
          return Set.of();
        }

        @Override
        public void takeOver() {}
      };

  /** The SAs that the keying goes on with; all others of the state end. */
  Set<SaKeyId> continuing();

  /**
   * Takes the state over. The engine has the SAs of {@link #continuing} by now, and obeys the
   * keying's events afterwards. Never fails.
   */
  void takeOver();

  /**
   * The SAs of one peer in the state.
   *
   * @param inbound the keys received under
   * @param outbound the keys sent under
   */
  record Sas(Set<SaKeyId> inbound, Set<SaKeyId> outbound) {
    public static final Sas NONE = new Sas(Set.of(), Set.of());
  }

  /**
   * The part of a state that the engine has read before the keying's part.
   *
   * @param peers the SAs of the peers that are configured as they were, by the peers' names. All
   *     other peers begin anew
   * @param secrets holds the secrets that are read
   * @param savedAtNanos the moment of saving on this process's monotonic clock
   */
  record Context(Map<String, Sas> peers, UnclaimedSecrets secrets, long savedAtNanos) {}

  /** Reads, and reports values that cannot be. */
  @FunctionalInterface
  interface Body<T> {
    T read() throws StateException;
  }

  /** Runs {@code body}, and turns the refusal of a value by its type into a StateException. */
  static <T> T checked(Body<T> body) throws StateException {
    try {
      return body.read();
    } catch (IllegalArgumentException _) {
      // The refusal's text may quote the state, so it is not passed on.
      throw new StateException("a value is out of its range");
    }
  }
}
