// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cluster.kube.ApiAccess;
import dev.culvert.lab.kubernetes.ApiClient;
import dev.culvert.lab.kubernetes.ClusterObjects;
import dev.culvert.lab.kubernetes.ControlPlane;
import dev.culvert.lab.kubernetes.Place;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A control plane on this machine with Culvert's manifests, and workers without kubelets. */
final class TestControlPlane implements AutoCloseable {
  final ControlPlane plane;
  final ClusterObjects objects;

  TestControlPlane(Path folder) {
    Place here = Place.onThisMachine("cp");
    plane =
        ControlPlane.startWithCulvert(
            Requirements.kubernetes(),
            folder.resolve("plane"),
            List.of(here),
            List.of(here),
            Culvert.launcher(""));
    objects = new ClusterObjects(plane.admin());
  }

  /**
   * Adds the node and the pod of a registrar.
   *
   * @param token the file for the pod's token
   * @return the way to the API with the rights of registrars
   */
  ApiAccess registrar(Path token) throws IOException {
    objects.addNode("control-plane", Map.of(), List.of(), List.of());
    String pod = objects.addPod("registrar", "control-plane", "culvert-registrar");
    Files.writeString(token, objects.podToken("registrar", pod, "culvert-registrar"));
    return ApiAccess.withToken(
        List.of(URI.create(plane.apiServer(0).place().apiUrl())), plane.authority(), token);
  }

  /**
   * A node with the pod of a daemon.
   *
   * @param uid of the Node
   * @param pod the daemon's
   * @param daemon speaks with the pod's token
   */
  record Worker(String name, String uid, String pod, String podUid, ApiClient daemon) {
    /** The path of the node's own CulvertNode. */
    String path() {
      return CulvertNodes.PATH + "/" + name;
    }

    /** The CulvertNode as an honest daemon makes it. */
    String claim(String key) {
      return CulvertNodes.claim(name, uid, CulvertNodes.owner(name, uid), key);
    }

    /** Makes the CulvertNode. */
    Worker join() {
      daemon.create(CulvertNodes.PATH, claim(CulvertNodes.KEY)).orThrow();
      return this;
    }
  }

  Worker worker(String name) {
    return worker(name, "culvert-node");
  }

  /** Adds a node whose daemon runs as the account. */
  Worker worker(String name, String account) {
    return worker(name, account, Map.of(), List.of(), List.of());
  }

  /** Adds a node with labels, ranges and addresses whose daemon runs as the account. */
  Worker worker(
      String name,
      String account,
      Map<String, String> labels,
      List<String> podCidrs,
      List<String> addresses) {
    String uid = objects.addNode(name, labels, podCidrs, addresses);
    String pod = "culvert-" + name;
    String podUid = objects.addPod(pod, name, account);
    String token = objects.podToken(pod, podUid, account);
    return new Worker(name, uid, pod, podUid, plane.withToken(token));
  }

  ApiClient admin() {
    return plane.admin();
  }

  /** Somebody to whom a mistake gave all rights, so that nothing but admission.yaml is left. */
  ApiClient withAllRights(String user) {
    return plane.admin().inTheNameOf(user, "system:masters");
  }

  /** An object that has to be there. */
  void assertPresent(String path) {
    assertTrue(admin().get(path).succeeded(), path);
  }

  @Override
  public void close() {
    plane.close();
  }
}
