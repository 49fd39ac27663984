package dev.culvert.cli.lab;

import dev.culvert.cli.admin.AdminClient;
import dev.culvert.cli.admin.AdminMessage.Command;
import dev.culvert.cli.admin.AdminServer;
import dev.culvert.cli.admin.GatewayView;
import dev.culvert.crypto.X25519;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A gateway of the lab: {@code culvert up} on a node, from a file as a user would write it. */
final class LabGateway {
  private static final int PORT = 51820;
  private static final AdminClient ADMIN = new AdminClient(AdminServer.DIRECTORY);

  private final LabSite site;
  private final Path folder;
  private final List<String> culvert;
  private String publicKey;
  private @Nullable Daemon daemon;

  /**
   * Makes the key of the site's gateway.
   *
   * @param folder for keys and configurations
   * @param culvert the command line of {@code culvert}
   */
  LabGateway(LabSite site, Path folder, List<String> culvert) {
    this.site = site;
    this.culvert = List.copyOf(culvert);
    this.folder = folder;
    byte[] privateKey = X25519.generatePrivateKey(new SecureRandom());
    Base64.Encoder base64 = Base64.getEncoder();
    publicKey = base64.encodeToString(X25519.publicKey(privateKey));
    writePrivate(folder.resolve(keyFile()), base64.encodeToString(privateKey) + "\n");
  }

  private String keyFile() {
    return site.nodeName() + ".key";
  }

  Path configuration() {
    return folder.resolve(site.nodeName() + ".yaml");
  }

  /** Starts the gateway, and waits until it answers. */
  void start(LabGateway other) {
    start(yaml(other));
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
    writePrivate(configuration(), yaml);
    List<String> command = new ArrayList<>(culvert);
    command.addAll(List.of("up", configuration().toString()));
    Daemon started = site.node().start(Map.of(), command);
    daemon = started;
    started.await("the gateway", Commands.PATIENCE, () -> status().isPresent());
  }

  private String yaml(LabGateway other) {
    return """
        apiVersion: culvert.dev/v1alpha1
        kind: Gateway
        metadata: {name: %s}
        spec:
          interface: {name: %s, listenPort: %d, mtu: 1420}
          identity: {privateKeyFile: %s}
          cluster: {cidrs: [10.42.0.0/16, "fd42::/16"]}
          peers:
            - name: %s
              publicKey: %s
              endpoint: %s:%d
              allowedIps: [%s]
        """
        .formatted(
            site.nodeName(),
            site.interfaceName(),
            PORT,
            keyFile(),
            other.site.nodeName(),
            other.publicKey,
            other.site.wireAddress(),
            PORT,
            String.join(", ", other.site.podCidrs().stream().map(c -> '"' + c + '"').toList()));
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
            .formatted(site.nodeName(), site.interfaceName(), PORT, keyFile()));
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
            publicKey);
  }

  /** Has the running gateway read of these nodes. */
  void reloadInCluster(List<LabGateway> nodes) {
    writePrivate(configuration(), clusterYaml(nodes));
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
      Files.delete(folder.resolve(keyFile()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The others learn the key that the gateway has now. */
  void republish() {
    publicKey = status().map(GatewayView::publicKey).orElseThrow();
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

  private static void writePrivate(Path file, String text) {
    try {
      Files.deleteIfExists(file);
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
