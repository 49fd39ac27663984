// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.admin.OverviewView.Level;
import dev.culvert.daemon.admin.OverviewView.Verdict;
import dev.culvert.daemon.steer.GuardReading;
import dev.culvert.daemon.steer.GuardReading.Sum;
import dev.culvert.routing.Policy;
import dev.culvert.routing.TrafficClass;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.PeerState;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Judges a reading: is all traffic of this node encrypted that should be? */
final class Verdicts {
  private Verdicts() {}

  static Verdict of(Reading reading) {
    List<String> bad = faults(reading);
    List<String> warnings = warnings(reading);
    List<String> remarks = new ArrayList<>(bad);
    remarks.addAll(warnings);
    remarks.addAll(figures(reading));
    if (!bad.isEmpty()) {
      return new Verdict(Level.BAD, "Traffic of this node needs attention now.", remarks);
    }
    String text =
        reading.guard() == null
            ? "Packets that are routed into the tunnel are encrypted."
            : isWhole(reading.config().cluster().policy())
                ? "All traffic between nodes is encrypted, exempt, or dropped."
                : "The policy lets some traffic between nodes pass in clear.";
    return new Verdict(warnings.isEmpty() ? Level.GOOD : Level.WARN, text, remarks);
  }

  private static boolean isWhole(Policy policy) {
    return policy.inClear().isEmpty() && policy.strictEgress() && policy.strictIngress();
  }

  private static List<String> faults(Reading reading) {
    List<String> faults = new ArrayList<>();
    if (reading.failure() != null) {
      faults.add("The tunnel has ended: " + reading.failure() + ".");
    } else if (reading.engine() == null) {
      faults.add("The tunnel's control thread does not answer.");
    }
    for (Reading.Lane lane : reading.lanes()) {
      if (lane.isStuck()) {
        faults.add("Lane " + lane.index() + " moves no packets.");
      }
    }
    GuardReading guard = reading.guard();
    if (guard != null) {
      if (!guard.present()) {
        faults.add("The guard is not in place, so packets may leave in clear.");
      }
      long clear = clear(guard);
      if (clear > 0 && isWhole(reading.config().cluster().policy())) {
        faults.add(clear + " packets crossed the underlay in clear.");
      }
    }
    return faults;
  }

  private static long clear(GuardReading guard) {
    return guard.clear(true).packets() + guard.clear(false).packets();
  }

  private static List<String> warnings(Reading reading) {
    List<String> warnings = new ArrayList<>();
    GuardReading guard = reading.guard();
    Policy policy = reading.config().cluster().policy();
    if (guard == null) {
      warnings.add("There is no guard: packets that are not routed into the tunnel are not seen.");
    } else if (!isWhole(policy)) {
      warnings.add(opening(policy));
      warnings.add(clear(guard) + " packets crossed the underlay in clear.");
    }
    EngineReading engine = reading.engine();
    if (engine != null) {
      long stale = engine.peers().stream().filter(peer -> peer.state() == PeerState.STALE).count();
      if (stale > 0) {
        warnings.add(
            stale + " of " + engine.peers().size() + " peers do not answer, though packets wait.");
      }
    }
    if (!reading.reload().successful()) {
      warnings.add("The configuration was refused when it was last read; the former is in force.");
    }
    ControlPlaneView api = reading.controlPlane();
    if (api != null) {
      api.troubles().forEach(trouble -> warnings.add(sentence(trouble)));
    }
    return warnings;
  }

  private static String opening(Policy policy) {
    List<String> open =
        new ArrayList<>(
            policy.inClear().stream()
                .map(TrafficClass::name)
                .map(name -> name.toLowerCase(Locale.ROOT).replace('_', ' '))
                .toList());
    if (!policy.strictEgress()) {
      open.add("packets that leave without a rule");
    }
    if (!policy.strictIngress()) {
      open.add("packets that arrive without encryption");
    }
    return "In clear by the policy: " + String.join(", ", open) + ".";
  }

  private static String sentence(String text) {
    return text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1) + ".";
  }

  private static List<String> figures(Reading reading) {
    GuardReading guard = reading.guard();
    if (guard == null) {
      return List.of();
    }
    Sum encrypted =
        AuditRow.of(reading, guard).stream().map(AuditRow::encrypted).reduce(Sum.NONE, Sum::plus);
    Sum exempt = guard.exempt();
    long passed = encrypted.bytes() + exempt.bytes();
    int rules = reading.config().cluster().policy().exemptions().size();
    List<String> figures = new ArrayList<>();
    figures.add(
        String.format(
            Locale.ROOT,
            "Exempt: %d %s, %.1f %% of all bytes.",
            rules,
            rules == 1 ? "rule" : "rules",
            passed == 0 ? 0 : 100.0 * (double) exempt.bytes() / (double) passed));
    if (clear(guard) == 0) {
      figures.add("Packets seen in clear: none.");
    }
    return figures;
  }
}
