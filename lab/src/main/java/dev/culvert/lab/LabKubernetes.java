// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.lab.kubernetes.ClusterObjects;
import dev.culvert.lab.kubernetes.ControlPlane;
import dev.culvert.lab.kubernetes.KubernetesPrograms;
import dev.culvert.lab.kubernetes.Place;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The Kubernetes of a lab: a control plane on the first node, with the objects that kubelets and
 * controllers would make for its nodes.
 */
final class LabKubernetes implements AutoCloseable {
  /** The label of the first node, which no kubelet can set itself. */
  static final String SERVER_LABEL = "node-restriction.kubernetes.io/lab-server";

  private static final String CONTROL_PLANE = "node-role.kubernetes.io/control-plane";

  private final LabNetwork network;
  private final Path folder;
  private final ControlPlane plane;
  private final ClusterObjects objects;

  /**
   * Starts the control plane, installs Culvert's objects, and adds the nodes.
   *
   * @param checkout of this project, which has the manifests
   */
  LabKubernetes(LabNetwork network, Path folder, Path checkout) {
    this.network = network;
    this.folder = folder;
    Place first = Place.in(network.a.node(), network.a.nodeName(), network.a.wireAddress());
    plane =
        ControlPlane.startWithCulvert(
            KubernetesPrograms.build(checkout),
            LabFiles.controlPlane(folder),
            List.of(first),
            List.of(first),
            checkout);
    objects = new ClusterObjects(plane.admin());
    try {
      network.sites().forEach(this::addNode);
    } catch (RuntimeException e) {
      plane.close();
      throw e;
    }
  }

  private void addNode(LabSite site) {
    boolean first = site.equals(network.a);
    objects.addNode(
        site.nodeName(),
        first ? Map.of(CONTROL_PLANE, "", SERVER_LABEL, "") : Map.of(),
        site.podCidrs(),
        List.of(site.wireAddress(), site.wireAddressV6()));
    String account = first ? "culvert-control-plane" : "culvert-node";
    String pod = "culvert-" + site.nodeName();
    String uid = objects.addPod(pod, site.nodeName(), account);
    plane.writeKubeconfig(
        kubeconfig(site), plane.apiServer(0).place(), objects.podToken(pod, uid, account));
  }

  /** The API as the daemon of a node reaches it. */
  Path kubeconfig(LabSite site) {
    return folder.resolve(site.nodeName() + ".kubeconfig");
  }

  /** The address of the control plane. */
  String address() {
    return network.a.wireAddress();
  }

  /** Runs kubectl as an administrator, and returns its output. */
  String kubectl(String... arguments) {
    return plane.kubectl(arguments).orThrow().out();
  }

  /** Makes or changes the object in the file as an administrator. */
  void apply(String yaml) {
    Path file = folder.resolve("applied.yaml");
    LabFiles.writePrivate(file, yaml);
    kubectl("apply", "-f", file.toString());
  }

  /** Ends the API server as a loss of power would. */
  void killApiServer() {
    plane.apiServer(0).kill();
  }

  /** Starts the API server again, and waits until it is ready. */
  void startApiServer() {
    plane.start();
  }

  @Override
  public void close() {
    plane.close();
  }
}
