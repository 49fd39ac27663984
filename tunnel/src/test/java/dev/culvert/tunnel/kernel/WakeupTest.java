// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** A closed wakeup does not touch the file that has its descriptor's number now. */
final class WakeupTest {
  @Test
  void whoeverSignalsLateOrClosesTwiceDoesNotTouchTheFileThatHasTheNumberNow() throws Exception {
    Wakeup gone = Wakeup.open();
    gone.signal();
    assertTrue(Poll.readable(0, gone.fd()), "a signal is seen while it is open");
    gone.close();
    // The kernel gives the lowest free number.
    try (Wakeup stranger = Wakeup.open()) {
      assertEquals(gone.fd(), stranger.fd(), "the number is used again");
      gone.signal();
      assertFalse(Poll.readable(0, stranger.fd()), "a late signal went to a stranger");
      stranger.signal();
      gone.drain();
      gone.close();
      assertTrue(Poll.readable(0, stranger.fd()), "the stranger is as it was");
    }
  }
}
