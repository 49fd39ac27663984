// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.tunnel.kernel.PlanApplier.Outcome;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/**
 * A plan is never applied after its caller was told that the old one is kept, and no caller waits
 * once no plan is kept.
 */
final class PlanUpdatesTest {
  private static final Outcome DONE = new Outcome(List.of(), List.of(), List.of());
  private static final Duration SHORT = Duration.ofMillis(50);

  private final PlanUpdates updates = new PlanUpdates();
  private final List<KernelPlan> applied = new ArrayList<>();

  private Outcome apply(KernelPlan plan) {
    applied.add(plan);
    return DONE;
  }

  private String refusal(Runnable wake) {
    return String.valueOf(
        assertThrows(IOException.class, () -> updates.await(Plans.worker(), wake, SHORT))
            .getMessage());
  }

  @Test
  void aPlanWhoseCallerWasToldThatTheOldOneIsKeptIsNotAppliedLater() {
    String refusal = refusal(() -> {});
    assertTrue(refusal.endsWith("the old one is kept"), refusal);
    assertFalse(updates.serve(this::apply));
    assertEquals(List.of(), applied);
  }

  @Test
  void aPlanThatWasBegunMayTakeEffectAndItsCallerIsToldBoth() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch told = new CountDownLatch(1);
    AtomicBoolean unheard = new AtomicBoolean();
    Thread keeper =
        Thread.ofVirtual()
            .unstarted(
                () ->
                    unheard.set(
                        updates.serve(
                            plan -> {
                              begun.countDown();
                              await(told);
                              return apply(plan);
                            })));
    String refusal =
        refusal(
            () -> {
              keeper.start();
              await(begun);
            });
    told.countDown();
    keeper.join();
    assertTrue(refusal.endsWith("it may still take effect"), refusal);
    assertTrue(unheard.get());
    assertEquals(List.of(Plans.worker()), applied);
  }

  @Test
  void whoComesWhenNothingIsKeptAnyMoreDoesNotWait() {
    updates.end();
    assertTrue(refusal(() -> {}).endsWith("no longer kept"));
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(20, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
