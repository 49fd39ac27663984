// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.steer.GuardReading;
import dev.culvert.daemon.steer.GuardReading.Sum;

/** The guard, and the packets between nodes by outcome. */
final class GuardFamilies {
  private GuardFamilies() {}

  static void add(Reading reading, Families families) {
    GuardReading guard = reading.guard();
    if (guard == null) {
      return;
    }
    families.truth(Metric.GUARD_PRESENT, guard.present(), "ipv4");
    families.truth(Metric.GUARD_PRESENT, guard.present(), "ipv6");
    families.add(Metric.CLEAR_SEEN, guard.clear(true).packets(), "egress");
    families.add(Metric.CLEAR_SEEN, guard.clear(false).packets(), "ingress");
    guard
        .exemptions()
        .forEach((rule, sum) -> families.add(Metric.EXEMPTION_BYTES, sum.bytes(), rule));
    for (AuditRow row : AuditRow.of(reading, guard)) {
      add(families, row.traffic(), "encrypted", row.encrypted());
      add(families, row.traffic(), "exempt", row.exempt());
      add(families, row.traffic(), "dropped", row.dropped());
      add(families, row.traffic(), "clear", row.clear());
    }
    Reading.Repairs repairs = reading.repairs();
    if (repairs != null) {
      families.add(Metric.RULES_REPAIRED, repairs.routing(), "routing");
      families.add(Metric.RULES_REPAIRED, repairs.nft(), "nft");
    }
  }

  private static void add(Families families, String traffic, String outcome, Sum sum) {
    families.add(Metric.AUDIT_PACKETS, sum.packets(), traffic, outcome);
    families.add(Metric.AUDIT_BYTES, sum.bytes(), traffic, outcome);
  }
}
