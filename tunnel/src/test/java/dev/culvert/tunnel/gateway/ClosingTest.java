// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** All parts are closed even if some fail, and all failures are thrown together. */
final class ClosingTest {
  @Test
  void aPartThatFailsKeepsNoOtherFromBeingClosed() {
    List<String> closed = new ArrayList<>();
    Throwable lane = new IllegalStateException("a lane does not answer");
    Throwable helper = new LinkageError("a helper");
    Closing closing =
        new Closing()
            .then(() -> closed.add("monitor"))
            .then(() -> sneak(lane))
            .then(null)
            .then(() -> sneak(helper))
            .then(() -> closed.add("keys"));
    Throwable thrown = assertThrows(IllegalStateException.class, closing::end);
    assertEquals(List.of("monitor", "keys"), closed);
    assertSame(lane, thrown.getCause());
    assertArrayEquals(new Throwable[] {helper}, lane.getSuppressed());
  }

  private static void sneak(Throwable thrown) throws Exception {
    if (thrown instanceof Error error) {
      throw error;
    }
    throw (Exception) thrown;
  }
}
