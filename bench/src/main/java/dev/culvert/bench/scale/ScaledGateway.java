// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.scale;

import dev.culvert.bench.figures.ProcessUse;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A gateway as a process of its own, run by the launcher as users run it. */
final class ScaledGateway implements AutoCloseable {
  static final String INTERFACE = "scale0";

  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final Daemon daemon;
  private final UapiSocket uapi = new UapiSocket(INTERFACE);

  private ScaledGateway(Daemon daemon) {
    this.daemon = daemon;
  }

  /** A device without keys and peers, once it may be configured. */
  static ScaledGateway wireGuard(Path launcher) {
    ScaledGateway gateway = start(launcher, "wg", "-f", INTERFACE);
    gateway.daemon.await("its socket", PATIENCE, gateway.uapi::exists);
    Commands.run("ip", "link", "set", INTERFACE, "up").orThrow();
    return gateway;
  }

  /** A gateway by a file; it may not be up yet. */
  static ScaledGateway gateway(Path launcher, Path file) {
    return start(launcher, "up", file.toString());
  }

  private static ScaledGateway start(Path launcher, String command, String... arguments) {
    List<String> words = new ArrayList<>(List.of(launcher.toString(), command));
    words.addAll(List.of(arguments));
    return new ScaledGateway(Daemon.start(Map.of(), words));
  }

  /** Whether it carries traffic, by its log. */
  boolean isUp() {
    return daemon.output().contains(" is up: ");
  }

  String output() {
    return daemon.output();
  }

  UapiSocket uapi() {
    return uapi;
  }

  /** Its use of the processor from now on. */
  ProcessorTime processorTime() {
    return ProcessorTime.of(daemon.pid());
  }

  double residentMebibytes() {
    return ProcessUse.residentMebibytes(daemon.pid());
  }

  @Override
  public void close() {
    daemon.signal("TERM");
    daemon.awaitEnd(PATIENCE);
    daemon.close();
  }
}
