// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.lab.LabGateway;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A gateway of the lab whose process is replaced by successors. All end with their namespace. */
final class ReplacedGateway {
  /**
   * A successor chooses its cipher and rehearses before it asks for the gateway, and other tests
   * come before it for a while.
   */
  static final Duration PATIENCE = Commands.PATIENCE.multipliedBy(4);

  private final LabSite site;
  private final Path configuration;
  private final List<String> culvert;
  private Daemon daemon;

  /**
   * Follows a gateway that runs.
   *
   * @param culvert the command line of {@code culvert}
   */
  ReplacedGateway(LabGateway gateway, List<String> culvert) {
    this.site = gateway.site();
    this.configuration = gateway.configuration();
    this.culvert = List.copyOf(culvert);
    this.daemon = gateway.daemon();
  }

  LabSite site() {
    return site;
  }

  Path configuration() {
    return configuration;
  }

  /** The process that serves. */
  Daemon daemon() {
    return daemon;
  }

  /** Starts a process that is to take over, and does not wait for it. */
  Daemon startSuccessor() {
    return start("--replace");
  }

  /** Starts a process, whether one serves already or not. */
  Daemon start(String... options) {
    List<String> command = new ArrayList<>(culvert);
    command.addAll(List.of("up", configuration.toString()));
    command.addAll(List.of(options));
    return site.node().start(Map.of(), command);
  }

  /** From now on, this process is the one that serves. */
  void follow(Daemon serving) {
    daemon = serving;
  }

  /** Has a successor take over, and waits for the former process's end, which is a success. */
  void replace() {
    Daemon former = daemon;
    Daemon successor = startSuccessor();
    successor.await("the hand-over", PATIENCE, () -> successor.output().contains("is up"));
    assertEquals(0, former.awaitEnd(PATIENCE), former::output);
    daemon = successor;
  }

  /** The output of {@code wg show IFACE FIELD} in the namespace of the node. */
  String wg(String field) {
    return site.node().run("wg", "show", site.interfaceName(), field).out();
  }
}
