// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The next thing to do for a {@link Follower}. */
public sealed interface Step {
  /**
   * Ask for the uid of the cluster, if its API server is new enough; the answer goes to {@link
   * Follower#identified}.
   */
  record Identify() implements Step {}

  /**
   * Ask for one object, not older than {@code version}; the answer goes to {@link
   * Follower#checked}. It tells whether the server has that version at all: a watch from a version
   * of the future would be silent, not refused.
   *
   * @param key of the object whose state tells whether the server went back; null: any object
   */
  record Check(long version, @Nullable String key) implements Step {}

  /**
   * List a page; the answer goes to {@link Follower#page}.
   *
   * @param next the token of the page before; null for the first page, a consistent read
   */
  record ListPage(int limit, @Nullable String next) implements Step {}

  /**
   * Watch; the changes go to {@link Follower#change}, its end to {@link Follower#watchEnded}.
   *
   * @param timeout to give the server
   * @param silence after which the watch has failed
   */
  record Watch(long version, Duration timeout, Duration silence) implements Step {}

  /** Do nothing until this time. */
  record WaitUntil(long nanos) implements Step {}
}
