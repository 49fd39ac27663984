// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeApi.Change;
import dev.culvert.cluster.kube.KubeApi.ListQuery;
import dev.culvert.cluster.kube.KubeApi.WatchStream;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.Definition;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.Namespace;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Does the steps of one {@link Follower} over the API, on the thread that runs it. */
public final class KindFollower<T extends KubeObject> implements Runnable {
  private static final EventLog LOG = EventLog.of(KindFollower.class);

  /** Objects of one name in several namespaces; if there are more, the collection is listed. */
  private static final int NAMESAKES = 100;

  private final KubeApi api;
  private final ResourceKind<T> kind;
  private final @Nullable String fieldSelector;
  private final Follower<T> follower;
  private final Runnable onChange;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition woken = lock.newCondition();
  private @Nullable WatchStream<T> watch;
  private boolean accepted;
  private @Nullable String lastTrouble;
  private boolean held;

  /** The uid of the kind's CRD since the last list, if it was asked for. */
  private @Nullable String definition;

  /** Whether the CRD was deleted since the last list. */
  private boolean replaced;

  private final AtomicLong failures = new AtomicLong();

  /**
   * @param onChange called when the view may have changed
   */
  public KindFollower(
      KubeApi api,
      ResourceKind<T> kind,
      @Nullable String fieldSelector,
      Follower<T> follower,
      Runnable onChange) {
    this.api = api;
    this.kind = kind;
    this.fieldSelector = fieldSelector;
    this.follower = follower;
    this.onChange = onChange;
  }

  @Override
  public void run() {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        step();
        report();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // The end, as it is meant.
    }
  }

  private void step() throws InterruptedException {
    try {
      switch (locked(() -> follower.step(System.nanoTime()))) {
        case Step.Identify() -> identify();
        case Step.Check check -> check(check);
        case Step.ListPage page -> list(page);
        case Step.Watch begin -> watch(begin);
        case Step.WaitUntil(long nanos) -> waitUntil(nanos);
      }
    } catch (KubeException e) {
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      if (e.code() != KubeException.SILENCE) {
        failures.incrementAndGet();
      }
      tell(() -> follower.failed(System.nanoTime(), e));
    } catch (RuntimeException e) {
      failures.incrementAndGet();
      LOG.debug(
          LogEvent.API_UNFOLLOWED,
          "{} are not followed for a moment: {}",
          kind.path(),
          Field.reason(e));
      tell(() -> follower.failed(System.nanoTime(), e));
    }
  }

  /** Whether the API has confirmed the view since the start. */
  public boolean synced() {
    return locked(follower::synced);
  }

  /** Requests and watches that failed. */
  public long failures() {
    return failures.get();
  }

  private void identify() throws KubeException {
    api.requireSupported();
    String uid = api.get(ResourceKind.NAMESPACES, Namespace.KUBE_SYSTEM).metadata().uid();
    tell(() -> follower.identified(System.nanoTime(), uid));
  }

  private void check(Step.Check check) throws KubeException {
    String key = check.key();
    ListQuery query =
        new ListQuery(
            key == null ? fieldSelector : named(key),
            key == null ? 1 : NAMESAKES,
            null,
            Long.toString(check.version()));
    KubeApi.Page<T> page = api.list(kind, query);
    T asked =
        page.items().stream()
            .filter(object -> object.metadata().key().equals(key))
            .findFirst()
            .orElse(null);
    tell(() -> follower.checked(System.nanoTime(), page.resourceVersion(), asked));
  }

  private String named(String key) {
    String name = "metadata.name=" + key.substring(key.indexOf('/') + 1);
    return fieldSelector == null ? name : fieldSelector + "," + name;
  }

  private void list(Step.ListPage page) throws KubeException {
    if (page.next() == null) {
      definition = null;
      replaced = false;
      lookForKind();
    }
    ListQuery query = new ListQuery(fieldSelector, page.limit(), page.next(), null);
    KubeApi.Page<T> answer = api.list(kind, query);
    tell(() -> follower.page(System.nanoTime(), answer));
    if (answer.next() == null) {
      LOG.info(
          LogEvent.API_LISTED, "{}: listed at version {}", kind.kind(), answer.resourceVersion());
      onChange.run();
    }
  }

  private void watch(Step.Watch begin) throws KubeException, InterruptedException {
    String version = Long.toString(begin.version());
    lookForKind();
    try (WatchStream<T> stream = api.watch(kind, fieldSelector, version, begin.timeout())) {
      if (!opened(stream)) {
        tell(() -> follower.watchEnded(System.nanoTime()));
        return;
      }
      while (true) {
        Change<T> change = stream.next(begin.silence());
        if (change == null) {
          tell(() -> follower.watchEnded(System.nanoTime()));
          return;
        }
        boolean counts = locked(() -> follower.counts(change));
        KindStanding standing =
            locked(() -> follower.asksForKind(change)) ? ofDeletion() : KindStanding.UNKNOWN;
        boolean goOn = locked(() -> follower.change(System.nanoTime(), change, standing));
        if (counts) {
          reportHeld(view());
          onChange.run();
        }
        if (!goOn) {
          return;
        }
      }
    } finally {
      tell(() -> watch = null);
    }
  }

  /** Notes which CRD there is, to know later that it was deleted and made anew. */
  private void lookForKind() throws KubeException {
    if (locked(() -> follower.asksForKind())) {
      replaced |= standing() == KindStanding.GOES;
    }
  }

  /**
   * Whether the kind goes, or went since the last list: deletions of its objects may be told after
   * it was made anew.
   */
  private KindStanding ofDeletion() throws KubeException {
    KindStanding now = replaced ? KindStanding.GOES : standing();
    replaced |= now == KindStanding.GOES;
    return now;
  }

  private KindStanding standing() throws KubeException {
    try {
      Definition now = api.get(ResourceKind.DEFINITIONS, kind.definition());
      String uid = now.metadata().uid();
      if (definition == null) {
        definition = uid;
      }
      return now.isBeingDeleted() || !uid.equals(definition)
          ? KindStanding.GOES
          : KindStanding.STAYS;
    } catch (KubeException e) {
      if (e.code() == KubeException.NOT_FOUND) {
        return KindStanding.GOES;
      }
      if (Thread.currentThread().isInterrupted()) {
        throw e;
      }
      LOG.per(kind.kind())
          .warn(
              LogEvent.API_FAILED,
              "whether the kind {} is deleted, or this object alone, cannot be read: {}",
              kind.kind(),
              Field.reason(e.getMessage()));
      return KindStanding.UNKNOWN;
    }
  }

  /** False if the watch is to be closed again. */
  private boolean opened(WatchStream<T> stream) {
    return locked(
        () -> {
          if (accepted) {
            accepted = false;
            return false;
          }
          watch = stream;
          return true;
        });
  }

  private void waitUntil(long nanos) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = nanos - System.nanoTime();
      while (left > 0 && !accepted) {
        left = woken.awaitNanos(left);
      }
      accepted = false;
    } finally {
      lock.unlock();
    }
  }

  /** Logs a trouble when it begins, changes and ends. */
  private void report() {
    View<T> view = view();
    String trouble = view.trouble();
    if (trouble != null && !trouble.equals(lastTrouble)) {
      LOG.warn(
          LogEvent.API_UNFOLLOWED,
          "{} are not followed, and all of them stay as they are: {}",
          kind.kind(),
          Field.reason(trouble));
    } else if (trouble == null && lastTrouble != null) {
      LOG.info(LogEvent.API_FOLLOWED, "{} are followed again", kind.kind());
    }
    lastTrouble = trouble;
    reportHeld(view);
  }

  /** Logs that objects are kept that the API has no more, when that begins and ends. */
  private void reportHeld(View<T> view) {
    boolean now = !view.missing().isEmpty();
    if (now && !held) {
      LOG.warn(
          LogEvent.API_HELD,
          "{}: the API has no more {}, and maybe others, which are kept; 'culvert status' names"
              + " all, and 'culvert nodes accept --held' lets them go",
          kind.kind(),
          view.missing().iterator().next());
    } else if (held && !now) {
      LOG.info(
          LogEvent.API_HELD, "{}: none is kept any more that the API does not have", kind.kind());
    }
    held = now;
  }

  /** The collection as it is believed to be now. */
  public View<T> view() {
    return locked(follower::view);
  }

  /** The uid of the cluster, once it is known. */
  public @Nullable String clusterUid() {
    lock.lock();
    try {
      return follower.clusterUid();
    } finally {
      lock.unlock();
    }
  }

  /** An administrator answers for the held objects: the API is listed at once, and believed. */
  public void acceptHeld() {
    WatchStream<T> open;
    lock.lock();
    try {
      follower.acceptHeld(System.nanoTime());
      accepted = true;
      woken.signalAll();
      open = watch;
    } finally {
      lock.unlock();
    }
    if (open != null) {
      open.close();
    }
  }

  private interface Locked<R> {
    R run();
  }

  private <R> R locked(Locked<R> action) {
    lock.lock();
    try {
      return action.run();
    } finally {
      lock.unlock();
    }
  }

  private void tell(Runnable action) {
    lock.lock();
    try {
      action.run();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public String toString() {
    return kind.kind();
  }
}
