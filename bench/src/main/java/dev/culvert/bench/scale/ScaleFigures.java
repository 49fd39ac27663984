// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.scale;

import dev.culvert.bench.figures.Figures;
import dev.culvert.bench.figures.Machine;
import dev.culvert.daemon.admin.Json;
import dev.culvert.lab.net.LabException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.runner.RunnerException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The program behind {@code bench/scale-figures}, which gives it the launcher. */
@Command(
    name = "bench/scale-figures",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description = {
      "Measures the control side of one gateway with thousands of WireGuard peers: memory,"
          + " configuration, time until all have sessions, processor time of rekeying, look-ups. The"
          + " gateway is a process of its own with a real TUN device. The peers are simulated in"
          + " another one: each has keys, an engine and an address of its own.",
      "Needs root. Nothing stays behind, whatever happens. All of it takes about eight minutes on"
          + " two idle cores, once the programs are built.%n"
    })
public final class ScaleFigures implements Callable<Integer> {
  private static final List<String> PARTS = List.of("uapi", "file", "lookups");
  private static final int MOST_PEERS = 60_000;

  @Option(names = "--launcher", hidden = true, required = true)
  private Path launcher;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "LIST",
      description =
          "Some of uapi (peers by the UAPI socket, which all initiate at once), file (peers by"
              + " YAML, to which the gateway initiates) and lookups.")
  private List<String> only = PARTS;

  @Option(
      names = "--peers",
      paramLabel = "N",
      defaultValue = "5000",
      description = "The number of peers (${DEFAULT-VALUE}).")
  private int peers;

  @Option(
      names = "--no-steady",
      description = "Leaves the steady state out, which takes five minutes.")
  private boolean noSteady;

  @Option(names = "--json", paramLabel = "FILE", description = "Writes all figures there.")
  private @Nullable Path json;

  @Spec private CommandSpec spec;

  private ScaleFigures() {}

  public static void main(String[] arguments) {
    System.exit(new CommandLine(new ScaleFigures()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException, RunnerException {
    check();
    Figures figures = new Figures(System.err);
    SecureRandom random = new SecureRandom();
    List<PeerIdentity> identities =
        IntStream.range(0, peers).mapToObj(i -> PeerIdentity.create(i, random)).toList();
    try {
      ManyPeers many = new ManyPeers(launcher, identities, figures, !noSteady);
      if (only.contains("uapi")) {
        many.configuredBySocket();
      }
      if (only.contains("file")) {
        many.configuredByFile();
      }
    } catch (LabException e) {
      System.err.println("scale-figures: " + e.getMessage());
      return 1;
    }
    if (only.contains("lookups")) {
      Lookups.measure(peers, figures);
    }
    System.out.println(figures.table());
    System.out.println(Machine.describe() + ", " + today());
    if (json != null) {
      Map<String, Object> report =
          Map.of("date", today(), "machine", Machine.describe(), "figures", figures.all());
      Files.writeString(json, Json.pretty(report) + "\n");
    }
    return 0;
  }

  private void check() {
    for (String part : only) {
      if (!PARTS.contains(part)) {
        throw new ParameterException(
            spec.commandLine(), part + ": not one of " + String.join(", ", PARTS));
      }
    }
    if (peers < 1 || peers > MOST_PEERS) {
      throw new ParameterException(spec.commandLine(), "--peers has to be 1 to " + MOST_PEERS);
    }
  }

  private static String today() {
    return LocalDate.now(ZoneOffset.UTC).toString();
  }
}
