// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.page;

import dev.culvert.daemon.admin.Units;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** Draws the throughput of the last minutes as SVG. */
final class ThroughputChart {
  private static final int WIDTH = 600;
  private static final int HEIGHT = 120;

  private ThroughputChart() {}

  /**
   * Adds the picture.
   *
   * @param rates the oldest first
   */
  static void add(Html html, List<History.Rate> rates) {
    double most = 1;
    for (History.Rate rate : rates) {
      most = Math.max(most, Math.max(rate.sent(), rate.received()));
    }
    History.Rate now = rates.isEmpty() ? new History.Rate(0, 0, 0) : rates.getLast();
    html.open("p", "class", "legend")
        .element("span", "sent " + Units.rate(now.sent()), "class", "sent")
        .text(" ")
        .element("span", "received " + Units.rate(now.received()), "class", "received")
        .text(" ")
        .element("span", "highest in five minutes: " + Units.rate(rates.isEmpty() ? 0 : most))
        .close();
    html.open(
        "svg",
        "viewBox",
        "0 0 " + WIDTH + " " + HEIGHT,
        "preserveAspectRatio",
        "none",
        "role",
        "img",
        "aria-label",
        "Throughput of the last five minutes");
    line(html, "sent", rates, most, History.Rate::sent);
    line(html, "received", rates, most, History.Rate::received);
    html.close().line();
  }

  private static void line(
      Html html,
      String name,
      List<History.Rate> rates,
      double most,
      ToDoubleFunction<History.Rate> value) {
    if (rates.isEmpty()) {
      return;
    }
    long end = rates.getLast().nanos();
    StringBuilder points = new StringBuilder();
    for (History.Rate rate : rates) {
      double age = (double) (end - rate.nanos()) / (double) History.LENGTH.toNanos();
      points.append(
          String.format(
              Locale.ROOT,
              "%.1f,%.1f ",
              WIDTH * (1 - age),
              HEIGHT - 2 - (HEIGHT - 4) * value.applyAsDouble(rate) / most));
    }
    html.open("polyline", "class", name, "points", points.toString().strip()).close();
  }
}
