// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.daemon.admin.AdminClient;
import dev.culvert.daemon.admin.AdminMessage.Command;
import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.daemon.admin.GatewayEndingException;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.LabException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A gateway of the lab: {@code culvert up} on a node, from a file as a user would write it. */
public final class LabGateway {
  private static final AdminClient ADMIN = new AdminClient(AdminServer.DIRECTORY);

  private final LabSite site;
  private final Path folder;
  private final List<String> culvert;
  private final LabEngine engine;
  private @Nullable Daemon daemon;

  /**
   * Makes the keys of the site's gateway.
   *
   * @param folder for keys and configurations
   * @param culvert the command line of {@code culvert}
   */
  public LabGateway(LabSite site, Path folder, List<String> culvert, LabEngine engine) {
    this.site = site;
    this.culvert = List.copyOf(culvert);
    this.folder = folder;
    this.engine = engine;
    engine.makeKeys(site, folder);
  }

  /**
   * Makes the keys of all sites' gateways.
   *
   * @return them in the order of the sites
   */
  static List<LabGateway> all(
      LabNetwork network, Path folder, List<String> culvert, LabEngine engine) {
    return network.sites().stream()
        .map(site -> new LabGateway(site, folder, culvert, engine))
        .toList();
  }

  public Path configuration() {
    return folder.resolve(site.nodeName() + ".yaml");
  }

  /** Starts the gateway, and waits until it answers. */
  public void start(LabGateway other) {
    start(engine.yaml(site, other.site, folder));
  }

  /**
   * Starts the gateway as a node of a cluster.
   *
   * @param nodes all of them, this one included
   */
  public void startInCluster(List<LabGateway> nodes) {
    start(clusterYaml(nodes));
  }

  /** Writes a configuration and starts the gateway from it, and waits until it answers. */
  public void start(String yaml) {
    LabFiles.writePrivate(configuration(), yaml);
    List<String> command = new ArrayList<>(culvert);
    command.addAll(List.of("up", configuration().toString()));
    Daemon started = site.node().start(Map.of(), command);
    daemon = started;
    started.await("the gateway", Commands.PATIENCE, () -> status().isPresent());
  }

  /** The configuration of this node of a cluster, of which the first is the control plane. */
  public String clusterYaml(List<LabGateway> nodes) {
    return engine.clusterYaml(site, nodes.stream().map(LabGateway::site).toList(), folder);
  }

  /** Makes the running gateway read the configuration of these nodes. */
  public void reloadInCluster(List<LabGateway> nodes) {
    LabFiles.writePrivate(configuration(), clusterYaml(nodes));
    try {
      ADMIN.call(site.interfaceName(), Command.RELOAD);
    } catch (IOException e) {
      throw new LabException(site.interfaceName() + ": " + e.getMessage(), e);
    }
  }

  public LabSite site() {
    return site;
  }

  /** Loses the key, as a newly installed machine does: the next start has another. */
  public void loseKey() {
    engine.loseKey(site, folder);
  }

  /** Gives the other nodes the gateway's present key. */
  public void republish() {
    engine.republish(site, folder, status().map(GatewayView::publicKey).orElse(""));
  }

  /** The gateway's view of itself; empty while it does not answer. */
  public Optional<GatewayView> status() {
    return status(site);
  }

  /** The view of itself of any gateway at a site; empty while it does not answer. */
  public static Optional<GatewayView> status(LabSite site) {
    try {
      if (!ADMIN.isRunning(site.interfaceName())) {
        return Optional.empty();
      }
      return Optional.ofNullable(ADMIN.call(site.interfaceName(), Command.STATUS).gateway());
    } catch (GatewayEndingException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new LabException(site.interfaceName() + " does not answer: " + e.getMessage(), e);
    }
  }

  /** The process, once started. */
  public Daemon daemon() {
    Daemon running = daemon;
    if (running == null) {
      throw new IllegalStateException("not started");
    }
    return running;
  }

  /** The log of the process that was started last. */
  String log() {
    Daemon last = daemon;
    return last == null ? "" : last.output();
  }

  /** Ends the gateway as a crash would. */
  public void kill() {
    daemon().signal("KILL");
    daemon().awaitEnd(Commands.PATIENCE);
  }
}
