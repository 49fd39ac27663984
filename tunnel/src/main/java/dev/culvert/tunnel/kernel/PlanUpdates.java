// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.tunnel.kernel.PlanApplier.Outcome;
import java.io.IOException;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Plans from other threads that wait for the keeper's thread. A plan is never applied once its
 * caller was told that the old plan stays.
 */
final class PlanUpdates {
  /** Applies a plan to the kernel. */
  interface Application {
    Outcome apply(KernelPlan plan) throws IOException;
  }

  private enum State {
    WAITING,
    BEGUN,
    /** The caller has stopped waiting. */
    LEFT
  }

  private record Update(
      KernelPlan plan, CompletableFuture<Outcome> outcome, AtomicReference<State> state) {}

  private final Queue<Update> waiting = new ConcurrentLinkedQueue<>();
  private volatile boolean ended;

  boolean isEmpty() {
    return waiting.isEmpty();
  }

  /**
   * Hands a plan to the keeper's thread, and waits until it is applied.
   *
   * @param wake wakes the keeper's thread
   * @throws IOException if the guard could not be put in place, or time was up: the message says
   *     whether the plan may still take effect
   */
  Outcome await(KernelPlan plan, Runnable wake, Duration patience) throws IOException {
    Update update =
        new Update(plan, new CompletableFuture<>(), new AtomicReference<>(State.WAITING));
    waiting.add(update);
    if (ended) {
      refuseAll();
    }
    wake.run();
    String when;
    try {
      return update.outcome.get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw failed(e);
    } catch (TimeoutException e) {
      when = "within " + patience.toSeconds() + " s";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      when = "before the interruption";
    }
    return leave(update, when);
  }

  private Outcome leave(Update update, String when) throws IOException {
    boolean begun = update.state.getAndSet(State.LEFT) == State.BEGUN;
    waiting.remove(update);
    if (update.outcome.isDone()) { // serve() finished before it could see this caller leave.
      try {
        return update.outcome.join();
      } catch (CompletionException e) {
        throw failed(e);
      }
    }
    throw new IOException(
        begun
            ? "the plan was begun but not done " + when + ": it may still take effect"
            : "the plan was not begun " + when + ": the old one is kept");
  }

  private static IOException failed(Exception outcome) {
    return new IOException(String.valueOf(outcome.getCause()), outcome.getCause());
  }

  /**
   * Applies all waiting plans; called on the keeper's thread.
   *
   * @return whether a plan took effect whose caller had stopped waiting
   */
  boolean serve(Application application) {
    boolean unheard = false;
    for (Update update = waiting.poll(); update != null; update = waiting.poll()) {
      if (update.state.compareAndSet(State.WAITING, State.BEGUN)) {
        serve(update, application);
        unheard |= update.state.get() == State.LEFT;
      }
    }
    return unheard;
  }

  private static void serve(Update update, Application application) {
    try {
      update.outcome.complete(application.apply(update.plan));
    } catch (IOException | RuntimeException e) {
      update.outcome.completeExceptionally(e);
    } catch (Error e) { // An error ends this thread, and the callers must not wait on.
      update.outcome.completeExceptionally(e);
      throw e;
    }
  }

  /** Refuses all waiting and further plans. */
  void end() {
    ended = true;
    refuseAll();
  }

  private void refuseAll() {
    for (Update update = waiting.poll(); update != null; update = waiting.poll()) {
      update.outcome.completeExceptionally(new IOException("no longer kept"));
    }
  }
}
