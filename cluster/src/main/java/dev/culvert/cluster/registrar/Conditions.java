// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.Condition;
import dev.culvert.cluster.resource.Printable;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/** The conditions of a status. The time of a condition changes only when its status does. */
final class Conditions {
  private final List<Condition> before;
  private final Instant now;
  private final List<Condition> after = new ArrayList<>();

  Conditions(List<Condition> before, Instant now) {
    this.before = before;
    this.now = now;
  }

  Conditions set(String type, String status, String reason, String message) {
    Condition old = Condition.find(before, type);
    String since =
        old != null && status.equals(old.status()) && old.lastTransitionTime() != null
            ? old.lastTransitionTime()
            : now.truncatedTo(ChronoUnit.SECONDS).toString();
    after.add(new Condition(type, status, reason, limited(message), since, null));
    return this;
  }

  /** Keeps a condition whatever it says. */
  Conditions keep(Condition condition) {
    after.add(condition);
    return this;
  }

  List<Condition> list() {
    return after;
  }

  private static String limited(String message) {
    return message.codePointCount(0, message.length()) <= Condition.MAX_MESSAGE
        ? message
        : Printable.text(message, Condition.MAX_MESSAGE - 3) + "...";
  }
}
