// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

/** The gateway, as its endpoint asks it. Thread-safe. */
public interface Source {
  /** The whole state, for metrics. */
  Reading read();

  /** Whether the program works; waits up to {@link Health#STUCK} for its threads. */
  Health live();
}
