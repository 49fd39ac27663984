// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.admin.EspView.GlobalKeyView;
import dev.culvert.daemon.admin.EspView.PairView;

/** Security associations, and the global key of ESP. */
final class KeyFamilies {
  private KeyFamilies() {}

  static void add(Reading reading, Families families) {
    KeysReading keys = reading.keys();
    if (keys == null) {
      return;
    }
    families.add(Metric.SAS, keys.outbound(), "out");
    families.add(Metric.SAS, keys.inbound(), "in");
    families.add(Metric.SA_SEQUENCE_USED, keys.mostUsed());
    GlobalKeyView global = keys.global();
    if (global != null) {
      families.add(Metric.KEY_EPOCH, global.published());
      families.add(Metric.KEYS, global.held().size());
      families.truth(
          Metric.KEY_ROTATION, global.peers().stream().anyMatch(pair -> isBehind(pair, global)));
      families.addIfKnown(Metric.KEY_CREATED, keys.fileChanged());
    }
  }

  /** Whether packets to a peer are not sent under the published key yet. */
  static boolean isBehind(PairView pair, GlobalKeyView global) {
    return pair.sendsUnder() != 0 && pair.sendsUnder() != global.published();
  }
}
