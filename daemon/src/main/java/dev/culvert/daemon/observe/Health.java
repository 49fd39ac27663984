// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.steer.GuardReading;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The checks of /livez and /readyz. That peers answer is not one of them: else one dead node would
 * make every other one unready.
 *
 * @param checks in order
 */
public record Health(List<Check> checks) {
  /** The silence of a lane or of the control thread from which it is stuck. */
  public static final Duration STUCK = Duration.ofSeconds(3);

  /** Of a gateway that was ready once. */
  static final Health STARTED = new Health(List.of(new Check("started", true)));

  /** Without any check, so that it is good. */
  public static final Health NOTHING = new Health(List.of());

  /** One check by its name. */
  public record Check(String name, boolean good) {}

  public Health {
    checks = List.copyOf(checks);
  }

  /** Whether all checks passed. */
  public boolean good() {
    return checks.stream().allMatch(Check::good);
  }

  /** The names of the checks that did not pass, with commas between them. */
  public String failed() {
    return checks.stream()
        .filter(check -> !check.good())
        .map(Check::name)
        .collect(Collectors.joining(", "));
  }

  /**
   * Whether the program works; if not, a new start may help.
   *
   * @param control whether the control thread answers
   */
  public static Health live(List<Reading.Lane> lanes, boolean control) {
    List<Check> checks = new ArrayList<>();
    for (Reading.Lane lane : lanes) {
      checks.add(new Check("lane-" + lane.index(), !lane.isStuck()));
    }
    checks.add(new Check("control", control));
    return new Health(checks);
  }

  /** Whether packets of this node are encrypted and delivered now, as far as it depends on it. */
  public static Health ready(Reading reading) {
    List<Check> checks = new ArrayList<>();
    checks.add(new Check("tunnel", reading.failure() == null && reading.engine() != null));
    checks.add(new Check("sockets", reading.listenPort() != 0));
    GuardReading guard = reading.guard();
    if (guard != null) {
      checks.add(new Check("guard", guard.present()));
    }
    ControlPlaneView api = reading.controlPlane();
    if (api != null) {
      checks.add(new Check("nodes", api.nodes() > 0));
    }
    return new Health(checks);
  }

  /** One line per check, the failed ones marked. */
  String verbose() {
    StringBuilder text = new StringBuilder();
    for (Check check : checks) {
      text.append(check.good() ? "[+] " : "[-] ").append(check.name()).append('\n');
    }
    return text.toString();
  }
}
