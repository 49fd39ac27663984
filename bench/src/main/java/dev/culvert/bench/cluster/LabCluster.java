// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.cluster;

import dev.culvert.bench.figures.ProcessUse;
import dev.culvert.daemon.Machine;
import dev.culvert.lab.LabFiles;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.kubernetes.ClusterObjects;
import dev.culvert.lab.kubernetes.ControlPlane;
import dev.culvert.lab.kubernetes.KubernetesPrograms;
import dev.culvert.lab.kubernetes.Place;
import dev.culvert.lab.net.Commands;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Three nodes with a pod each, etcd and an API server on the first, and this process on the wire
 * between them. This process has to be in a network namespace of its own.
 */
final class LabCluster implements AutoCloseable {
  private static final String CIDRS = "10.42.0.0/16,fd42::/16," + FakeNodes.CLUSTER_CIDRS;
  private static final String CONTROL_PLANE_ROLE = "node-role.kubernetes.io/control-plane";
  private static final String OWN_DEVICE = "cluster0";
  private static final String OTHER_END = "figures";
  private static final String OWN_ADDRESS = "192.0.2.250/24";

  private final Path checkout;
  private final Path folder;
  private final LabNetwork network;
  private final ControlPlane plane;
  private final ClusterObjects objects;

  LabCluster(Path checkout) {
    this.checkout = checkout;
    long id = ProcessHandle.current().pid();
    network = LabNetwork.create(id, 3);
    try {
      folder = LabFiles.createFolder(id);
      joinTheWire();
      Place first = Place.in(site(0).node(), site(0).nodeName(), site(0).wireAddress());
      plane =
          ControlPlane.startWithCulvert(
              KubernetesPrograms.build(checkout),
              LabFiles.controlPlane(folder),
              List.of(first),
              List.of(first),
              checkout);
      objects = new ClusterObjects(plane.admin());
    } catch (RuntimeException e) {
      network.close();
      throw e;
    }
  }

  private void joinTheWire() {
    Commands.run(
        "ip",
        "link",
        "add",
        OWN_DEVICE,
        "type",
        "veth",
        "peer",
        "name",
        OTHER_END,
        "netns",
        network.wire.name());
    network.wire.ip("link", "set", OTHER_END, "master", LabNetwork.BRIDGE, "up");
    Commands.run("ip", "address", "add", OWN_ADDRESS, "dev", OWN_DEVICE);
    Commands.run("ip", "link", "set", OWN_DEVICE, "up");
  }

  LabSite site(int i) {
    return network.sites().get(i);
  }

  ControlPlane plane() {
    return plane;
  }

  ClusterObjects objects() {
    return objects;
  }

  /** A connection to the API server. */
  ServerApi connect() {
    return new ServerApi(
        plane.apiServer(0).place().apiUrl(), plane.authority(), plane.adminToken());
  }

  /** The use that the API server has made of the machine. */
  ProcessUse apiServer() {
    return ProcessUse.of(plane.apiServer(0).daemon().pid());
  }

  /** Makes the objects that a kubelet and a DaemonSet's controller make for a node at a site. */
  void join(int site, String name) {
    LabSite at = site(site);
    boolean first = site == 0;
    objects.addNode(
        name,
        first ? Map.of(CONTROL_PLANE_ROLE, "") : Map.of(),
        at.podCidrs(),
        List.of(at.wireAddress(), at.wireAddressV6()));
    String account = first ? "culvert-control-plane" : "culvert-node";
    String pod = podOf(name);
    String uid = objects.addPod(pod, name, account);
    plane.writeKubeconfig(
        kubeconfig(name), plane.apiServer(0).place(), objects.podToken(pod, uid, account));
  }

  /** Deletes the objects of a node, as if it were gone for good. */
  void leave(String name) {
    objects.deletePod(podOf(name));
    objects.deleteNode(name);
  }

  private static String podOf(String node) {
    return "culvert-" + node;
  }

  private Path kubeconfig(String node) {
    return folder.resolve(node + ".kubeconfig");
  }

  /**
   * Starts the gateway at a site.
   *
   * @param more settings
   */
  NodeGateway start(int site, String name, Map<String, String> more) {
    Map<String, String> environment = new HashMap<>(more);
    environment.put("CULVERT_NODE_NAME", name);
    environment.put("CULVERT_CLUSTER_CIDRS", CIDRS);
    environment.put("CULVERT_CONTROL_PLANE", site(0).wireAddress());
    environment.put("CULVERT_KUBECONFIG", kubeconfig(name).toString());
    environment.put("CULVERT_INTERFACE", site(site).interfaceName());
    environment.put("LOG_LEVEL", "info");
    return new NodeGateway(site(site), checkout.resolve("culvert"), environment);
  }

  /** Bytes that a site's node received from the wire. */
  long received(int site) {
    String file = "/sys/class/net/" + LabSite.WIRE_DEVICE + "/statistics/rx_bytes";
    return Long.parseLong(site(site).node().run("cat", file).out().strip());
  }

  /**
   * Deletes files that gateways at a site keep.
   *
   * @param pattern of their names
   */
  void forget(int site, String pattern) {
    Path state = Machine.local().stateDirectory(site(site).interfaceName());
    try (DirectoryStream<Path> files = Files.newDirectoryStream(state, pattern)) {
      for (Path file : files) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    plane.close();
    network.close();
  }
}
