// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * One lookup may answer for several packets only while nothing of the address differs. A wrong
 * answer here would let a packet pass with the address of another node.
 */
class AddressMemoTest {
  private final AddressMemo memo = new AddressMemo();

  @BeforeEach
  void remember() {
    assertTrue(memo.isNew(false, 1, 2));
  }

  @Test
  void theSameAddressIsNotNew() {
    assertFalse(memo.isNew(false, 1, 2));
  }

  @Test
  void anAddressThatDiffersAnywhereIsNew() {
    assertTrue(memo.isNew(false, 1, 3), "low");
    assertTrue(memo.isNew(false, 0, 3), "high");
    assertTrue(memo.isNew(true, 0, 3), "family");
    assertTrue(memo.isNew(false, 1, 2), "the one before the last");
  }

  @Test
  void theFirstAddressIsNewEvenIfItIsZero() {
    assertTrue(new AddressMemo().isNew(false, 0, 0));
  }

  @Test
  void everyAddressIsNewOnceTheMemoForgot() {
    memo.forget();
    assertTrue(memo.isNew(false, 1, 2));
  }
}
