// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.scale;

import dev.culvert.bench.figures.ProcessUse;

/** Processor time of a process since a moment. */
record ProcessorTime(long pid, ProcessUse before) {
  static ProcessorTime of(long pid) {
    return new ProcessorTime(pid, ProcessUse.of(pid));
  }

  /** Seconds of user and system time so far. */
  double spent() {
    return ProcessUse.of(pid).since(before).processorSeconds();
  }

  /** The share of one processor so far. */
  double share() {
    return ProcessUse.of(pid).since(before).share();
  }
}
