package dev.culvert.cli.lab;

import dev.culvert.cli.admin.AdminClient;
import dev.culvert.cli.admin.AdminMessage.Command;
import dev.culvert.cli.admin.AdminServer;
import dev.culvert.cli.admin.GatewayView;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A gateway of the lab: {@code culvert up} on a node, from a file as a user would write it. */
final class LabGateway {
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
  LabGateway(LabSite site, Path folder, List<String> culvert, LabEngine engine) {
    this.site = site;
    this.culvert = List.copyOf(culvert);
    this.folder = folder;
    this.engine = engine;
    engine.makeKeys(site, folder);
  }

  Path configuration() {
    return folder.resolve(site.nodeName() + ".yaml");
  }

  /** Starts the gateway, and waits until it answers. */
  void start(LabGateway other) {
    start(engine.yaml(site, other.site, folder));
  }

  /**
   * Starts the gateway as a node of a cluster.
   *
   * @param nodes all of them, this one included
   */
  void startInCluster(List<LabGateway> nodes) {
    start(clusterYaml(nodes));
  }

  /** Writes a configuration and starts the gateway from it, and waits until it answers. */
  void start(String yaml) {
    LabFiles.writePrivate(configuration(), yaml);
    List<String> command = new ArrayList<>(culvert);
    command.addAll(List.of("up", configuration().toString()));
    Daemon started = site.node().start(Map.of(), command);
    daemon = started;
    started.await("the gateway", Commands.PATIENCE, () -> status().isPresent());
  }

  /** The configuration of this node of a cluster, of which the first is the control plane. */
  String clusterYaml(List<LabGateway> nodes) {
    StringBuilder yaml = new StringBuilder();
    yaml.append(
        """
        apiVersion: culvert.dev/v1alpha1
        kind: Gateway
        spec:
          node: %s
          interface: {name: %s, listenPort: %d}
          identity: {privateKeyFile: %s}
          clusterCIDRs: [10.42.0.0/16, "fd42::/16"]
          nodes:
        """
            .formatted(
                site.nodeName(),
                site.interfaceName(),
                LabEngine.WIREGUARD_PORT,
                LabEngine.privateKey(site, folder)));
    for (LabGateway node : nodes) {
      yaml.append(node.entry(node == nodes.getFirst() ? "control-plane" : "worker"));
    }
    return yaml.toString();
  }

  private String entry(String role) {
    return "    - {name: %s, roles: [%s], internal: [%s, '%s'], podCIDRs: ['%s'], publicKey: %s}%n"
        .formatted(
            site.nodeName(),
            role,
            site.wireAddress(),
            site.wireAddressV6(),
            String.join("', '", site.podCidrs()),
            LabEngine.publicKey(site, folder));
  }

  /** Has the running gateway read of these nodes. */
  void reloadInCluster(List<LabGateway> nodes) {
    LabFiles.writePrivate(configuration(), clusterYaml(nodes));
    try {
      ADMIN.call(site.interfaceName(), Command.RELOAD);
    } catch (IOException e) {
      throw new LabException(site.interfaceName() + ": " + e.getMessage(), e);
    }
  }

  LabSite site() {
    return site;
  }

  /** Forgets the key, as a machine that was installed anew: the next start makes another. */
  void loseKey() {
    try {
      Files.delete(LabEngine.privateKey(site, folder));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The others learn the key that the gateway has now. */
  void republish() {
    LabEngine.publish(site, folder, status().map(GatewayView::publicKey).orElseThrow());
  }

  /** What the gateway says of itself; empty while it does not answer. */
  Optional<GatewayView> status() {
    if (!ADMIN.isRunning(site.interfaceName())) {
      return Optional.empty();
    }
    try {
      return Optional.ofNullable(ADMIN.call(site.interfaceName(), Command.STATUS).gateway());
    } catch (IOException e) {
      throw new LabException(site.interfaceName() + " does not answer: " + e.getMessage(), e);
    }
  }

  /** The process, once started. */
  Daemon daemon() {
    Daemon running = daemon;
    if (running == null) {
      throw new IllegalStateException("not started");
    }
    return running;
  }

  /** Ends the gateway as a crash would. */
  void kill() {
    daemon().signal("KILL");
    daemon().awaitEnd(Commands.PATIENCE);
  }
}
