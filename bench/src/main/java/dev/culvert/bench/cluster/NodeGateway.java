// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.cluster;

import dev.culvert.bench.figures.ProcessUse;
import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;

/** A gateway at a site, run by the launcher as users run it. */
final class NodeGateway implements AutoCloseable {
  static final Duration PATIENCE = Duration.ofMinutes(2);

  /** The log says so when a changed configuration is in force. */
  private static final Pattern SWAP =
      Pattern.compile("(?m)^(\\S+ \\S+) INFO +\\S+: (\\d+) peers changed$");

  private static final DateTimeFormatter LOG_TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSS");

  private final LabSite site;
  private final Daemon daemon;
  private final long began;

  /**
   * Starts a gateway.
   *
   * @param environment its settings
   */
  NodeGateway(LabSite site, Path launcher, Map<String, String> environment) {
    this.site = site;
    began = System.nanoTime();
    daemon = site.node().start(environment, List.of(launcher.toString(), "up", "--kubernetes"));
  }

  /**
   * A change that came into force.
   *
   * @param at milliseconds since 1970
   */
  record Swap(long at, int peers) {}

  /** The changes that came into force so far. */
  List<Swap> swaps() {
    return SWAP.matcher(daemon.output())
        .results()
        .map(line -> new Swap(millis(line.group(1)), Integer.parseInt(line.group(2))))
        .toList();
  }

  private static long millis(String time) {
    return LocalDateTime.parse(time, LOG_TIME)
        .atZone(ZoneId.systemDefault())
        .toInstant()
        .toEpochMilli();
  }

  /**
   * Waits until a change of that many peers came into force, by the log, since asking the gateway
   * would delay it.
   *
   * @return seconds since the start
   */
  double awaitSwap(int peers) {
    daemon.await(
        "a change of " + peers + " peers",
        PATIENCE,
        () -> swaps().stream().anyMatch(swap -> swap.peers() >= peers));
    return sinceStart();
  }

  /** Waits for the swap after that many. */
  Swap swapAfter(int swaps) {
    daemon.await("a swap", PATIENCE, () -> swaps().size() > swaps);
    return swaps().get(swaps);
  }

  /** The gateway's view of itself; empty while it does not answer. */
  Optional<GatewayView> status() {
    return LabGateway.status(site);
  }

  /** The control plane as the gateway sees it. */
  ControlPlaneView controlPlane() {
    return Objects.requireNonNull(status().orElseThrow().controlPlane());
  }

  /**
   * Waits until it follows the API without an error.
   *
   * @return seconds since the start
   */
  double awaitSynced() {
    daemon.await("the API", PATIENCE, () -> status().isPresent() && follows(controlPlane()));
    return sinceStart();
  }

  /**
   * Waits until it carries traffic by the nodes that it knows from its disk.
   *
   * @return seconds since the start
   */
  double awaitUp() {
    daemon.await("its device", PATIENCE, () -> daemon.output().contains(" is up: "));
    return sinceStart();
  }

  private double sinceStart() {
    return (System.nanoTime() - began) / 1e9;
  }

  static boolean follows(ControlPlaneView view) {
    return view.synced() && view.error() == null;
  }

  ProcessUse use() {
    return ProcessUse.of(daemon.pid());
  }

  long pid() {
    return daemon.pid();
  }

  String output() {
    return daemon.output();
  }

  /** Ends the gateway politely: then the JVM keeps the classes that it has loaded. */
  void stop() {
    daemon.signal("TERM");
    daemon.awaitEnd(Commands.PATIENCE);
  }

  /** Ends the gateway as a crash would. */
  void kill() {
    daemon.signal("KILL");
    daemon.awaitEnd(Commands.PATIENCE);
  }

  @Override
  public void close() {
    daemon.close();
  }
}
