// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

/** Packets dropped, by reason. */
public final class DropCounters extends Counters<DropReason> {
  public DropCounters() {
    super(DropReason.class);
  }
}
