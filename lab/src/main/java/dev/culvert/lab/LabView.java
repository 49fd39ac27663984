// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.lab.LabReport.Check;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Shows a run while it goes on: redrawn in place on a terminal, line after line elsewhere. */
final class LabView {
  private static final String UP_ONE_LINE = "\033[A";
  private static final String CLEAR_LINE = "\033[2K";
  private static final String GREEN = "\033[32m";
  private static final String RED = "\033[31m";
  private static final String BOLD = "\033[1m";
  private static final String PLAIN = "\033[0m";
  private static final int LOG_LINES = 40;

  private final PrintWriter out;
  private final boolean terminal;
  private int liveLines;

  LabView(PrintWriter out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  void phase(String title) {
    liveLines = 0;
    println("");
    println(colour(BOLD, title));
  }

  /** Shows the outcome of a check. It takes the place of the live lines. */
  void check(Check check) {
    eraseLive();
    String mark = check.held() ? colour(GREEN, "held  ") : colour(RED, "FAILED");
    println("  %s %s: %s".formatted(mark, check.claim(), check.seen()));
  }

  /** Shows the result of a phase that makes no claim. It takes the place of the live lines. */
  void result(String line) {
    eraseLive();
    println("  " + line);
  }

  /** Shows the present observations, by name. */
  void live(Map<String, String> lines) {
    if (!terminal) {
      List<String> parts = new ArrayList<>();
      lines.forEach((name, value) -> parts.add(name + ": " + value));
      println("    " + String.join(" | ", parts));
      return;
    }
    eraseLive();
    lines.forEach((name, value) -> println("    %-11s %s".formatted(name, value)));
    liveLines = lines.size();
  }

  private void eraseLive() {
    for (; liveLines > 0; liveLines--) {
      out.print(UP_ONE_LINE + CLEAR_LINE);
    }
    out.flush();
  }

  void summary(LabReport report) {
    liveLines = 0;
    println("");
    int width = report.checks().stream().mapToInt(c -> c.claim().length()).max().orElse(0);
    for (Check check : report.checks()) {
      println(
          ("%-6s  %-" + width + "s  %s")
              .formatted(check.held() ? "held" : "FAILED", check.claim(), check.seen()));
    }
    println("");
    println(
        report.held()
            ? "All held: the pods' traffic crossed the wire encrypted, and only so."
            : "Not all held: see above.");
  }

  /** Shows the end of the gateways' logs if not all held. */
  void logs(LabReport report, List<LabGateway> gateways) {
    if (report.held()) {
      return;
    }
    for (LabGateway gateway : gateways) {
      List<String> lines = gateway.log().lines().toList();
      println("");
      println(gateway.site().nodeName() + "'s gateway logged last:");
      lines.stream().skip(Math.max(0, lines.size() - LOG_LINES)).forEach(this::result);
    }
  }

  void println(String line) {
    out.println(line);
    out.flush();
  }

  private String colour(String code, String text) {
    return terminal ? code + text + PLAIN : text;
  }
}
