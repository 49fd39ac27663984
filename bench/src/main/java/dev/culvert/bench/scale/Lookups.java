// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.scale;

import dev.culvert.bench.PeerLookupBenchmark;
import dev.culvert.bench.figures.Figures;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Look-ups of a lane, by JMH. */
final class Lookups {
  private Lookups() {}

  static void measure(int peers, Figures figures) throws RunnerException {
    figures.section("look-ups among %,d peers, random ones that hit".formatted(peers));
    var options =
        new OptionsBuilder()
            .include(PeerLookupBenchmark.class.getName())
            .param("peers", Integer.toString(peers))
            .verbosity(VerboseMode.SILENT)
            .build();
    for (RunResult result : new Runner(options).run()) {
      String method = result.getParams().getBenchmark().replaceFirst(".*\\.", "");
      figures.add(method, "ns", result.getPrimaryResult().getScore());
    }
  }
}
