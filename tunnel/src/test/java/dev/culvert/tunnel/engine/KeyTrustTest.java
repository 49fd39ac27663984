// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Keys that are distrusted again while an older doubt is settled stay distrusted. */
final class KeyTrustTest {
  private final KeyTrust trust = new KeyTrust();

  private KeyTrust.Doubt doubt() {
    KeyTrust.Doubt doubt = trust.doubt();
    assertNotNull(doubt);
    return doubt;
  }

  @Test
  void whoSettlesADoubtDoesNotSettleOneThatCameMeanwhile() {
    trust.withdraw("restored");
    KeyTrust.Doubt first = doubt();
    trust.withdraw("restored");
    trust.restore(first);
    assertTrue(trust.isWithdrawn(), "the machine was restored again while keys were ended");
    assertEquals("restored", doubt().reason());
    trust.restore(doubt());
    assertFalse(trust.isWithdrawn());
  }
}
