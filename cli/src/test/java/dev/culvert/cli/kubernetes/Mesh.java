// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.kubernetes.ClusterObjects;
import dev.culvert.lab.kubernetes.ControlPlane;
import dev.culvert.lab.kubernetes.Place;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Nodes with a pod each. Those of the control plane have a registrar, too. The gateways get their
 * node's name, the cluster's ranges and the control plane's addresses, and a token, as from a
 * DaemonSet.
 */
final class Mesh implements AutoCloseable {
  /** Longer than the API's clients wait after a failure, on a busy machine. */
  static final Duration PATIENCE = Duration.ofSeconds(90);

  /** Variables of gateways whose registrars read the nodes' ranges from the Pods. */
  static final Map<String, String> RANGES_OF_PODS = Map.of("CULVERT_POD_RANGES", "pods");

  final MeshForm form;
  final TestCluster cluster;
  final ControlPlane plane;
  private final ClusterObjects objects;
  private final Path folder;
  private final Map<Integer, Daemon> daemons = new ConcurrentHashMap<>();
  private @Nullable Daemon registrar;

  Mesh(Path folder, MeshForm form) throws IOException {
    this.folder = folder;
    this.form = form;
    cluster = new TestCluster(LabEngine.WIREGUARD, form.nodes());
    try {
      for (LabSite site : cluster.network.sites()) {
        form.families().leaveAlone(site.node());
        form.families().leaveAlone(site.pod());
      }
      plane =
          ControlPlane.startWithCulvert(
              Requirements.kubernetes(),
              folder.resolve("plane"),
              form.etcdPlaces(cluster),
              form.apiPlaces(cluster),
              Culvert.launcher(""));
      objects = new ClusterObjects(plane.admin());
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /**
   * Adds the objects that a kubelet and a DaemonSet's controller make for a node at a site.
   *
   * @return the node, with the rights of its daemon
   */
  TestControlPlane.Worker join(int site, String name) {
    LabSite at = cluster.site(site);
    boolean ofControlPlane = form.isControlPlane(site);
    String account = ofControlPlane ? "culvert-control-plane" : "culvert-node";
    Map<String, String> labels =
        ofControlPlane ? Map.of("node-role.kubernetes.io/control-plane", "") : Map.of();
    String uid =
        objects.addNode(name, labels, form.families().podCidrs(at), form.families().ofNode(at));
    String pod = "culvert-" + name;
    String podUid = objects.addPod(pod, name, account);
    String token = objects.podToken(pod, podUid, account);
    plane.writeKubeconfig(kubeconfig(name), plane.apiServer(0).place(), token);
    return new TestControlPlane.Worker(name, uid, pod, podUid, plane.withToken(token));
  }

  /** The same for a node that comes in the place of one of the same name, which is deleted. */
  void joinAnew(int site, String name) {
    objects.deletePod("culvert-" + name);
    join(site, name);
  }

  /**
   * Adds a node whose gateway claimed a key once and does not run.
   *
   * @param random makes the key
   * @param engine of the gateway
   * @param addresses the first of which is its endpoint, an IPv4 address
   */
  void joinWithoutGateway(String name, MeshEngine engine, Random random, List<String> addresses) {
    String uid = objects.addNode(name, Map.of(), List.of(), addresses);
    String pod = "culvert-" + name;
    String token = objects.podToken(pod, objects.addPod(pod, name, "culvert-node"), "culvert-node");
    byte[] key = new byte[32];
    random.nextBytes(key);
    key[31] &= 0x7f; // a number below the prime, as a public key is
    String claim =
        CulvertNodes.object(
            "\"name\": \"%s\", \"ownerReferences\": [%s]"
                .formatted(name, CulvertNodes.owner(name, uid)),
            engine.claim(uid, Base64.getEncoder().encodeToString(key), addresses.getFirst()));
    plane.withToken(token).create(CulvertNodes.PATH, claim).orThrow();
  }

  /** Makes an exemption of a port on the nodes with a label. */
  void exempt(String name, String protocol, int port, String label) {
    plane
        .admin()
        .create(
            "/apis/culvert.dev/v1alpha1/encryptionexemptions",
            """
            {"apiVersion": "culvert.dev/v1alpha1", "kind": "EncryptionExemption",
             "metadata": {"name": "%s"},
             "spec": {"protocol": "%s", "ports": ["%d"],
                      "nodeSelector": {"matchLabels": {"%s": "yes"}}}}
            """
                .formatted(name, protocol, port, label))
        .orThrow();
  }

  /** Lets registrars read Pods. */
  void allowPods() {
    plane.allowPods("culvert-control-plane");
  }

  /** Adds the Pod of a site's pod to the API, on a node. */
  void addPodOf(int site, String node) {
    LabSite at = cluster.site(site);
    addPod("pod-" + at.letter(), node, List.of(at.podAddress(), at.podAddressV6()));
  }

  /** Adds a Pod with addresses to the API. */
  void addPod(String pod, String node, List<String> addresses) {
    objects.addPod(pod, node, "default");
    objects.setPodAddresses(pod, addresses);
  }

  void deletePod(String pod) {
    objects.deletePod(pod);
  }

  private Path kubeconfig(String name) {
    return folder.resolve(name + ".kubeconfig");
  }

  private Path adminKubeconfig() {
    return folder.resolve("plane").resolve("admin.kubeconfig");
  }

  /** Starts the gateway at a site, and waits until it answers: then its guard stands. */
  void start(int site, String name) {
    start(site, name, Map.of());
  }

  /**
   * Starts the gateway at a site.
   *
   * @param more variables of its environment, which win
   */
  void start(int site, String name, Map<String, String> more) {
    LabSite at = cluster.site(site);
    Map<String, String> environment = new HashMap<>();
    environment.put("CULVERT_NODE_NAME", name);
    environment.put("CULVERT_CLUSTER_CIDRS", String.join(",", form.clusterCidrs()));
    environment.put("CULVERT_NODE_CIDRS", String.join(",", form.nodeCidrs()));
    environment.put("CULVERT_CONTROL_PLANE", String.join(",", controlPlaneAddresses()));
    environment.put("CULVERT_KUBECONFIG", kubeconfig(name).toString());
    environment.put("CULVERT_REGISTRAR", "embedded");
    environment.put("CULVERT_INTERFACE", at.interfaceName());
    environment.putAll(more);
    Daemon daemon = at.node().start(environment, Culvert.command("up", "--kubernetes"));
    daemons.put(site, daemon);
    daemon.await("the gateway", PATIENCE, () -> gateway(site).status().isPresent());
  }

  private List<String> controlPlaneAddresses() {
    return Stream.concat(form.apiPlaces(cluster).stream(), form.etcdPlaces(cluster).stream())
        .map(Place::address)
        .distinct()
        .toList();
  }

  /**
   * Ends the gateway at a site as a loss of power does: its kernel forgets device, rules and guard,
   * and all that it kept on disk is lost, too.
   */
  void loseAll(int site) {
    kill(site);
    cluster.culvert(site, "down", cluster.site(site).interfaceName()).orThrow();
    forget(site, "*");
  }

  /** Makes an administrator accept the key that a node claims now. */
  void accept(String node) {
    cluster
        .culvert(0, "nodes", "accept", node, "--kubeconfig", adminKubeconfig().toString())
        .orThrow();
  }

  /**
   * Starts a registrar by itself, on the node of the API server.
   *
   * @param node the node's name
   */
  void startRegistrar(String node) {
    String account = "culvert-registrar";
    Path access = kubeconfig(account);
    if (!Files.exists(access)) {
      String uid = objects.addPod(account, node, account);
      String token = objects.podToken(account, uid, account);
      plane.writeKubeconfig(access, plane.apiServer(0).place(), token);
    }
    Map<String, String> environment =
        Map.of(
            "CULVERT_KUBECONFIG", access.toString(),
            "CULVERT_CONTROL_PLANE", String.join(",", controlPlaneAddresses()),
            "CULVERT_POD_RANGES", "nodes");
    registrar = cluster.site(0).node().start(environment, Culvert.command("registrar"));
  }

  /** Holds up the registrar that runs by itself, or lets it go on. */
  void pauseRegistrar(boolean paused) {
    Objects.requireNonNull(registrar).signal(paused ? "STOP" : "CONT");
  }

  /** Ends the registrar that runs by itself; it gives up its lease. */
  void stopRegistrar() {
    Daemon running = Objects.requireNonNull(registrar);
    running.signal("TERM");
    running.awaitEnd(Commands.PATIENCE);
  }

  /** Holds up the gateway at a site, or lets it go on. */
  void pause(int site, boolean paused) {
    Objects.requireNonNull(daemons.get(site)).signal(paused ? "STOP" : "CONT");
  }

  void kill(int site) {
    Daemon daemon = Objects.requireNonNull(daemons.remove(site));
    daemon.signal("KILL");
    daemon.awaitEnd(Commands.PATIENCE);
  }

  /** Ends a gateway politely: a registrar in it gives up the lease. */
  void stop(int site) {
    Objects.requireNonNull(daemons.remove(site)).close();
  }

  /** The file of the key of the gateway at a site. */
  Path keyFile(int site) {
    return Machine.local()
        .stateDirectory(cluster.site(site).interfaceName())
        .resolve("private.key");
  }

  /** Keeps the key of the gateway at a site as the old one, so that the next start has another. */
  void retireKey(int site) {
    Path key = keyFile(site);
    try {
      Files.move(key, key.resolveSibling("private.key.old"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Deletes files that the gateway at a site keeps. */
  void forget(int site, String pattern) {
    Path state = Machine.local().stateDirectory(cluster.site(site).interfaceName());
    try (DirectoryStream<Path> files = Files.newDirectoryStream(state, pattern)) {
      for (Path file : files) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void deleteNode(String name) {
    objects.deleteNode(name);
  }

  private LabGateway gateway(int site) {
    return cluster.gateways.get(site);
  }

  GatewayView status(int site) {
    return gateway(site).status().orElseThrow();
  }

  ControlPlaneView controlPlane(int site) {
    return Objects.requireNonNull(status(site).controlPlane());
  }

  boolean becomes(int site, Predicate<ControlPlaneView> state) {
    return Waiting.until(PATIENCE, () -> state.test(controlPlane(site)));
  }

  List<String> peers(int site) {
    return status(site).peers().stream().map(PeerView::label).sorted().toList();
  }

  /** The key that the gateway at a site has for a peer; null if it has no such peer. */
  @Nullable String keyOfPeer(int site, String name) {
    return status(site).peers().stream()
        .filter(peer -> name.equals(peer.label()))
        .map(PeerView::publicKey)
        .findFirst()
        .orElse(null);
  }

  /** Waits until the pods of both sites reach each other, in each family that they have. */
  boolean connected(int one, int other) {
    LabSite a = cluster.site(one);
    LabSite b = cluster.site(other);
    return Waiting.until(PATIENCE, () -> pings(a, b) && pings(b, a));
  }

  /** Waits until all pods reach each other. */
  boolean allConnected() {
    for (int i = 0; i < form.nodes(); i++) {
      for (int other = 0; other < i; other++) {
        if (!connected(i, other)) {
          return false;
        }
      }
    }
    return true;
  }

  /** Whether the pod at one site reaches that at another now, in each family. */
  boolean pings(LabSite from, LabSite to) {
    return form.families().ofPod(to).stream()
        .allMatch(address -> TestCluster.pings(from.pod(), address));
  }

  /** Sends a text from the pod of a site to those of all others. */
  void send(int from, String text) {
    for (LabSite to : cluster.network.sites()) {
      if (!to.equals(cluster.site(from))) {
        for (String address : form.families().ofPod(to)) {
          TestCluster.send(cluster.site(from).pod(), address, 7, 0, text);
        }
      }
    }
  }

  /** For the message of a test that failed. */
  String state() {
    StringBuilder state = new StringBuilder();
    daemons.forEach((site, daemon) -> state.append(site).append(":\n").append(daemon.output()));
    if (registrar != null) {
      state.append("registrar:\n").append(registrar.output());
    }
    state.append(plane.kubectl("get", "culvertnodes", "-o", "yaml").out());
    return state.toString();
  }

  @Override
  public void close() {
    daemons.values().forEach(Daemon::close);
    if (registrar != null) {
      registrar.close();
    }
    if (plane != null) {
      plane.close();
    }
    cluster.close();
  }
}
