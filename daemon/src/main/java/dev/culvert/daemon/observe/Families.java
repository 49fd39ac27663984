// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot.InfoDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.prometheus.metrics.model.snapshots.SummarySnapshot;
import io.prometheus.metrics.model.snapshots.SummarySnapshot.SummaryDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.UnknownSnapshot;
import io.prometheus.metrics.model.snapshots.UnknownSnapshot.UnknownDataPointSnapshot;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The series of one scrape, gathered by family. Used for one scrape. */
final class Families {
  private static final String INTERFACE = "interface";

  private final String interfaceName;
  private final Map<Metric, MetricSnapshot.Builder<?>> builders = new EnumMap<>(Metric.class);

  /**
   * @param interfaceName the value of each label {@code interface}
   */
  Families(String interfaceName) {
    this.interfaceName = interfaceName;
  }

  /**
   * Adds a series of a counter, gauge or info.
   *
   * @param values of the labels after {@code interface}; an empty one leaves its label out
   */
  void add(Metric metric, double value, String... values) {
    Labels labels = labels(metric, values);
    switch (metric.type()) {
      case COUNTER ->
          builder(metric, CounterSnapshot.builder())
              .dataPoint(CounterDataPointSnapshot.builder().labels(labels).value(value).build());
      case GAUGE ->
          builder(metric, GaugeSnapshot.builder())
              .dataPoint(GaugeDataPointSnapshot.builder().labels(labels).value(value).build());
      case INFO ->
          builder(metric, InfoSnapshot.builder())
              .dataPoint(InfoDataPointSnapshot.builder().labels(labels).build());
      case UNTYPED ->
          builder(metric, UnknownSnapshot.builder())
              .dataPoint(UnknownDataPointSnapshot.builder().labels(labels).value(value).build());
      case SUMMARY, GAUGE_HISTOGRAM -> throw new IllegalArgumentException(metric.text());
    }
  }

  /** Adds a series of whole numbers; from 2^53 on, the last digits are lost. */
  void add(Metric metric, long value, String... values) {
    add(metric, (double) value, values);
  }

  /** Adds a series that is 1 or 0. */
  void truth(Metric metric, boolean value, String... values) {
    add(metric, value ? 1L : 0L, values);
  }

  /** Adds a series unless there is no value. */
  void addIfKnown(Metric metric, @Nullable Long value, String... values) {
    if (value != null) {
      add(metric, value, values);
    }
  }

  /** Adds a summary without quantiles. */
  void summary(Metric metric, long count, double sum, String... values) {
    builder(metric, SummarySnapshot.builder())
        .dataPoint(
            SummaryDataPointSnapshot.builder()
                .labels(labels(metric, values))
                .count(count)
                .sum(sum)
                .build());
  }

  /**
   * Adds a gauge histogram.
   *
   * @param bounds upper bounds in rising order, without infinity
   * @param amounts the values that are sorted into the buckets
   */
  void histogram(Metric metric, double[] bounds, double[] amounts, String... values) {
    double[] upper = new double[bounds.length + 1];
    System.arraycopy(bounds, 0, upper, 0, bounds.length);
    upper[bounds.length] = Double.POSITIVE_INFINITY;
    long[] counts = new long[upper.length];
    double sum = 0;
    for (double amount : amounts) {
      int bucket = 0;
      while (amount > upper[bucket]) {
        bucket++;
      }
      counts[bucket]++;
      sum += amount;
    }
    builder(metric, HistogramSnapshot.builder().gaugeHistogram(true))
        .dataPoint(
            HistogramDataPointSnapshot.builder()
                .labels(labels(metric, values))
                .classicHistogramBuckets(ClassicHistogramBuckets.of(upper, counts))
                .sum(sum)
                .build());
  }

  @SuppressWarnings("unchecked") // A family has one type, and each type one kind of builder.
  private <B extends MetricSnapshot.Builder<B>> B builder(Metric metric, B fresh) {
    return (B)
        builders.computeIfAbsent(
            metric, family -> fresh.name(nameInLibrary(family)).help(family.help()));
  }

  /** The library adds the endings that OpenMetrics asks for. */
  private static String nameInLibrary(Metric metric) {
    String ending =
        switch (metric.type()) {
          case COUNTER -> "_total";
          case INFO -> "_info";
          case GAUGE, GAUGE_HISTOGRAM, SUMMARY, UNTYPED -> "";
        };
    return metric.text().substring(0, metric.text().length() - ending.length());
  }

  private Labels labels(Metric metric, String... values) {
    List<String> names = metric.labels();
    int first = names.getFirst().equals(INTERFACE) ? 1 : 0;
    if (names.size() != values.length + first) {
      throw new IllegalArgumentException("labels of " + metric.text());
    }
    List<String> all = new ArrayList<>();
    if (first == 1) {
      all.add(INTERFACE);
      all.add(interfaceName);
    }
    for (int i = 0; i < values.length; i++) {
      if (!values[i].isEmpty()) {
        all.add(names.get(first + i));
        all.add(values[i]);
      }
    }
    return Labels.of(all.toArray(String[]::new));
  }

  MetricSnapshots snapshots() {
    return new MetricSnapshots(
        builders.values().stream().map(MetricSnapshot.Builder::build).toList());
  }
}
