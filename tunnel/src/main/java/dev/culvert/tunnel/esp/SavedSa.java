// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.crypto.ReplayWindow;
import dev.culvert.tunnel.engine.SavedWindow;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;

/** An SA in the state of another process. */
final class SavedSa {
  private SavedSa() {}

  /**
   * The traffic under an SA.
   *
   * @param sinceNanos the time at which it was taken into use
   */
  record Counts(long sinceNanos, long packets, long bytes) {
    private static Counts read(StateReader in, long savedAtNanos) throws StateException {
      return new Counts(in.time(savedAtNanos), in.int64(), in.int64());
    }
  }

  /**
   * An SA for sending.
   *
   * @param parameters with the next number as the first
   */
  record Outbound(SaParameters parameters, SaKeyId key, Counts counts) {
    static Outbound read(StateReader in, UnclaimedSecrets secrets, long savedAtNanos)
        throws StateException {
      SaParameters parameters = SaParameters.read(in, secrets, savedAtNanos);
      return new Outbound(parameters, parameters.keyId(), Counts.read(in, savedAtNanos));
    }
  }

  /**
   * An SA for receiving.
   *
   * @param floor the first number that is accepted
   * @param replayed packets that the window refused
   */
  record Inbound(
      SaParameters parameters,
      SaKeyId key,
      Counts counts,
      long floor,
      long replayed,
      ReplayWindow window) {
    static Inbound read(StateReader in, UnclaimedSecrets secrets, long savedAtNanos)
        throws StateException {
      SaParameters parameters = SaParameters.read(in, secrets, savedAtNanos);
      Counts counts = Counts.read(in, savedAtNanos);
      long floor = in.int64();
      long replayed = in.int64();
      ReplayWindow window = new ReplayWindow(parameters.sequenceLimit());
      SavedWindow.restore(window, in);
      if (floor == 0) {
        throw new StateException("an SA that accepts number 0");
      }
      return new Inbound(parameters, parameters.keyId(), counts, floor, replayed, window);
    }
  }
}
