// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import dev.culvert.cluster.kube.KubeApi.Change;
import dev.culvert.cluster.kube.KubeApi.Page;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.state.Kept;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.IntSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Follows one collection of the API: tells the next step, takes its outcome, and holds the view
 * that comes of it. It does no I/O, has no clock and no thread; times are those of {@link
 * System#nanoTime}. {@link Beliefs} has the rules by which the API is believed.
 *
 * <p>Nothing is dropped while the API is away. Before each watch the API is asked whether it has
 * the version that is known, and after each failure also whether it is the same cluster. A list is
 * asked for only if the history since the known version is gone, and then after a random wait, so
 * that a restarted API server does not get the lists of all nodes at once.
 */
public final class Follower<T extends KubeObject> {
  /** A watch that ends sooner counts as failed, so that it is not begun again at once for ever. */
  private static final Duration SHORT_WATCH = Duration.ofSeconds(10);

  private static final int MAX_DOUBLINGS = 16;

  private enum Phase {
    IDENTIFY,
    CHECK,
    LIST,
    WATCH
  }

  private final FollowLimits limits;
  private final RandomGenerator random;
  private final IntSupplier nodes;
  private final Beliefs<T> beliefs;

  private Phase phase = Phase.IDENTIFY;
  private boolean mustList;
  private @Nullable Long notBefore;
  private int failures;
  private @Nullable String clusterUid;

  private List<T> listed = new ArrayList<>();
  private long listVersion;
  private @Nullable String nextPage;
  private long watchSince;

  private long confirmed;
  private boolean synced;
  private boolean interrupted = true;
  private @Nullable String trouble;
  private @Nullable View<T> view;

  /**
   * A follower that goes on from {@code kept}.
   *
   * @param content the part of the objects that counts
   * @param nodes how many nodes the cluster has, as far as is known: that many follow it
   * @param clusterUid the only cluster to follow; null: the first one that answers
   * @param confirmed when the kept state was last confirmed
   */
  public Follower(
      FollowLimits limits,
      Content<T> content,
      RandomGenerator random,
      IntSupplier nodes,
      @Nullable String clusterUid,
      @Nullable Kept<T> kept,
      long confirmed,
      long now) {
    this.limits = limits;
    this.random = random;
    this.nodes = nodes;
    this.clusterUid = clusterUid;
    this.beliefs = new Beliefs<>(limits, content, kept, now);
    this.confirmed = confirmed;
    this.mustList = beliefs.version() == 0;
  }

  /** The next step. */
  public Step step(long now) {
    if (phase == Phase.WATCH && isListDue(now)) {
      beginList(now, Duration.ZERO);
    }
    Long wait = notBefore;
    if (wait != null && now - wait < 0) {
      return new Step.WaitUntil(wait);
    }
    notBefore = null;
    return switch (phase) {
      case IDENTIFY -> new Step.Identify();
      case CHECK -> new Step.Check(beliefs.version(), interrupted ? newest() : null);
      case LIST -> new Step.ListPage(limits.pageSize(), nextPage);
      case WATCH -> {
        watchSince = now;
        yield new Step.Watch(beliefs.version(), watchTimeout(now), limits.silence());
      }
    };
  }

  /** After a loss of the API this object is the first to show that etcd was restored. */
  private @Nullable String newest() {
    T newest = beliefs.newest();
    return newest == null ? null : newest.metadata().key();
  }

  private boolean isListDue(long now) {
    OptionalLong due = beliefs.listDue();
    return mustList || (due.isPresent() && now - due.getAsLong() >= 0);
  }

  /** A watch ends when a list is due, so it need not be broken off for that. */
  private Duration watchTimeout(long now) {
    Duration timeout = between(limits.watchFrom(), limits.watchTo());
    OptionalLong due = beliefs.listDue();
    if (due.isPresent()) {
      // The API takes whole seconds only.
      Duration left = Duration.ofNanos(due.getAsLong() - now).plusSeconds(1);
      return left.compareTo(timeout) < 0 ? left : timeout;
    }
    return timeout;
  }

  /** The API's answer to {@link Step.Identify}. */
  public void identified(long now, String uid) {
    String known = clusterUid;
    if (known != null && !known.equals(uid)) {
      String message =
          "the API is that of another cluster: its uid is %s, and %s is followed"
              .formatted(uid, known);
      fail(now, message, null);
      return;
    }
    clusterUid = uid;
    if (mustList) {
      beginList(now, herdDelay());
    } else {
      phase = Phase.CHECK;
    }
  }

  /**
   * The API's answer to {@link Step.Check}.
   *
   * @param resourceVersion that the server has
   * @param asked the object that was asked for; null if there is none, or any was asked for
   */
  public void checked(long now, String resourceVersion, @Nullable T asked) {
    boolean behind = Beliefs.number(resourceVersion) < beliefs.version();
    boolean gone = interrupted && beliefs.size() > 0 && asked == null;
    if (behind || gone || (asked != null && beliefs.goesBack(asked))) {
      beginList(now, herdDelay());
    } else {
      confirm(now);
      phase = Phase.WATCH;
    }
  }

  /** A page of a list. */
  public void page(long now, Page<T> page) {
    long version = Beliefs.number(page.resourceVersion());
    if (nextPage != null && version != listVersion) {
      fail(now, "the pages of a list are of two versions", null);
      return;
    }
    for (T item : page.items()) {
      if (item.metadata() == null || item.metadata().name().isEmpty()) {
        throw new IllegalArgumentException("an object without a name");
      }
      Beliefs.number(item.metadata().resourceVersion());
    }
    listed.addAll(page.items());
    listVersion = version;
    nextPage = page.next();
    if (nextPage == null) {
      beliefs.listed(now, version, listed);
      listed = new ArrayList<>();
      mustList = false;
      confirm(now);
      phase = Phase.WATCH;
    }
  }

  /** Whether a change that a watch tells is one that a reader of the view could see. */
  public boolean counts(Change<T> change) {
    return beliefs.counts(change);
  }

  /**
   * Whether to ask for the kind's standing before this change is told: a deletion in a cluster that
   * is so small that all its nodes may ask at once.
   */
  public boolean asksForKind(Change<T> change) {
    return beliefs.asksForKind(change) && isSmall();
  }

  /** Whether to ask for the kind's standing before a watch, to know later that it was replaced. */
  public boolean asksForKind() {
    return beliefs.asksForKind() && isSmall();
  }

  private boolean isSmall() {
    return Math.max(beliefs.size(), nodes.getAsInt()) < limits.herdFrom();
  }

  /** A change that a watch told, without knowledge of its kind's standing. */
  public boolean change(long now, Change<T> change) {
    return change(now, change, KindStanding.UNKNOWN);
  }

  /**
   * A change that a watch told.
   *
   * @param kind whether the API still has the kind, if the change is a deletion
   * @return whether to go on with the watch
   */
  public boolean change(long now, Change<T> change, KindStanding kind) {
    if (!beliefs.changed(now, change, kind, this::herdDelay)) {
      mustList = true;
      fail(now, "a watch went back to an older state", null);
      return false;
    }
    failures = 0;
    confirm(now);
    return true;
  }

  /** The server ended a watch, as it does after a while. */
  public void watchEnded(long now) {
    if (mustList) {
      beginList(now, Duration.ZERO);
    } else if (now - watchSince < SHORT_WATCH.toNanos()) {
      phase = Phase.CHECK;
      waitFor(now, backOff());
    } else {
      failures = 0;
      phase = Phase.CHECK;
    }
  }

  /** A step failed, or a watch broke. */
  public void failed(long now, KubeException e) {
    if (phase == Phase.WATCH && e.code() == KubeException.SILENCE) {
      // Nothing failed yet: the next answers tell whether the server is well.
      interrupted = true;
      phase = Phase.IDENTIFY;
      return;
    }
    boolean behind = phase == Phase.CHECK && e.code() == KubeException.TOO_LARGE_VERSION;
    boolean gone = phase != Phase.IDENTIFY && e.code() == KubeException.GONE;
    if (behind) {
      beginList(now, longer(herdDelay(), e.retryAfter()));
    } else if (gone) {
      Duration wait = backOff();
      beginList(now, longer(herdDelay(), longer(wait, e.retryAfter())));
    } else {
      fail(now, String.valueOf(e.getMessage()), e.retryAfter());
    }
  }

  /** The API's answer cannot be understood. */
  public void failed(long now, RuntimeException e) {
    fail(now, "the API's answer is not understood: " + e.getMessage(), null);
  }

  private void fail(long now, String message, @Nullable Duration retryAfter) {
    trouble = message;
    interrupted = true;
    view = null;
    mustList |= phase == Phase.LIST;
    listed = new ArrayList<>();
    nextPage = null;
    phase = Phase.IDENTIFY;
    Duration wait = backOff();
    waitFor(now, retryAfter == null ? wait : wait.plus(retryAfter));
  }

  private void beginList(long now, Duration wait) {
    mustList = true;
    listed = new ArrayList<>();
    nextPage = null;
    phase = Phase.LIST;
    waitFor(now, wait);
  }

  private void waitFor(long now, Duration wait) {
    notBefore = wait.isZero() ? null : now + wait.toNanos();
  }

  private static Duration longer(Duration one, @Nullable Duration other) {
    return other == null || one.compareTo(other) > 0 ? one : other;
  }

  private Duration backOff() {
    Duration most = limits.backOffFrom().multipliedBy(2L << Math.min(failures, MAX_DOUBLINGS));
    failures++;
    Duration longest = limits.longestBackOff(nodes.getAsInt());
    return between(limits.backOffFrom(), most.compareTo(longest) < 0 ? most : longest);
  }

  /** None if there is no state to serve from meanwhile. */
  private Duration herdDelay() {
    int count = Math.max(beliefs.size(), nodes.getAsInt());
    if (beliefs.size() == 0 || count < limits.herdFrom()) {
      return Duration.ZERO;
    }
    Duration spread = limits.herdPerNode().multipliedBy(count);
    Duration to = spread.compareTo(limits.herdTo()) < 0 ? spread : limits.herdTo();
    return between(Duration.ZERO, to);
  }

  private Duration between(Duration from, Duration to) {
    long width = to.minus(from).toNanos();
    return width <= 0 ? from : from.plusNanos(random.nextLong(width));
  }

  private void confirm(long now) {
    confirmed = now;
    synced = true;
    interrupted = false;
    trouble = null;
    view = null;
  }

  /**
   * An administrator answers for the objects that are held: the next list is asked for at once, and
   * it is believed. A watch that runs is to be closed.
   */
  public void acceptHeld(long now) {
    beliefs.accept();
    mustList = true;
    if (phase != Phase.IDENTIFY) {
      beginList(now, Duration.ZERO);
    }
  }

  /** Whether the API has confirmed the view since the start. */
  public boolean synced() {
    return synced;
  }

  /** The uid of the cluster, once it is known. */
  public @Nullable String clusterUid() {
    return clusterUid;
  }

  /** The collection as it is believed to be now. */
  public View<T> view() {
    View<T> made = view;
    if (made == null) {
      made = beliefs.view(confirmed, trouble);
      view = made;
    }
    return made;
  }
}
