// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.admin.OverviewView;
import dev.culvert.daemon.page.PageServer;

/** The gateway, as its endpoint asks it. Thread-safe. */
public interface Source extends PageServer.Gateway {
  /** The whole state, for metrics. */
  Reading read();

  @Override
  default OverviewView overview() {
    return Overview.of(read());
  }

  /** Whether the program works; waits up to {@link Health#STUCK} for all its threads together. */
  Health live();
}
