// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.figures;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The figures so far, in the order in which they were measured. */
public final class Figures {
  private final List<Figure> figures = new ArrayList<>();
  private final PrintStream progress;
  private final long began = System.nanoTime();
  private String section = "";

  /**
   * A figure.
   *
   * @param value the median, if there were several runs
   * @param most the greatest of several runs
   * @param runs all of them, in order
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Figure(
      String section,
      String name,
      String unit,
      double value,
      @Nullable Double most,
      @Nullable List<Double> runs) {}

  /**
   * @param progress told of each step and each figure while the rest is measured
   */
  public Figures(PrintStream progress) {
    this.progress = progress;
  }

  /** The figures from here on belong to this section. */
  public void section(String title) {
    section = title;
    say(title);
  }

  /** Tells of a step. */
  public void say(String step) {
    progress.printf(Locale.ROOT, "%4d s  %s%n", (System.nanoTime() - began) / 1_000_000_000, step);
  }

  public void add(String name, String unit, double value) {
    add(new Figure(section, name, unit, value, null, null));
  }

  /** A figure of several runs: their median, and the greatest. */
  public void addRuns(String name, String unit, List<Double> runs) {
    double[] sorted = runs.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    double median = (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    double most = Arrays.stream(sorted).max().orElseThrow();
    add(new Figure(section, name, unit, median, most, List.copyOf(runs)));
  }

  private void add(Figure figure) {
    figures.add(figure);
    progress.println("          " + line(figure));
  }

  public List<Figure> all() {
    return List.copyOf(figures);
  }

  /** A table for people. */
  public String table() {
    StringBuilder table = new StringBuilder();
    String last = null;
    for (Figure figure : figures) {
      if (!Objects.equals(last, figure.section())) {
        table.append(String.format("%n%s%n", figure.section()));
        last = figure.section();
      }
      table.append("  ").append(line(figure)).append(System.lineSeparator());
    }
    return table.toString();
  }

  private static String line(Figure figure) {
    List<Double> runs = figure.runs();
    String several =
        runs == null
            ? ""
            : " (at most %s, %d runs)"
                .formatted(number(Objects.requireNonNull(figure.most())), runs.size());
    return "%-76s %10s %s%s"
        .formatted(figure.name(), number(figure.value()), figure.unit(), several);
  }

  /** With three digits that count. */
  private static String number(double value) {
    double size = Math.abs(value);
    int decimals = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    return String.format(Locale.ROOT, "%,." + decimals + "f", value);
  }
}
