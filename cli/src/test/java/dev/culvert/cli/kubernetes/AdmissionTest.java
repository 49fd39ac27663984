// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static dev.culvert.cli.kubernetes.CulvertNodes.ACCEPT;
import static dev.culvert.cli.kubernetes.CulvertNodes.KEY;
import static dev.culvert.cli.kubernetes.CulvertNodes.OTHER_KEY;
import static dev.culvert.cli.kubernetes.CulvertNodes.PATH;
import static dev.culvert.cli.kubernetes.CulvertNodes.accepted;
import static dev.culvert.cli.kubernetes.CulvertNodes.annotation;
import static dev.culvert.cli.kubernetes.CulvertNodes.claim;
import static dev.culvert.cli.kubernetes.CulvertNodes.key;
import static dev.culvert.cli.kubernetes.CulvertNodes.owner;
import static dev.culvert.cli.kubernetes.CulvertNodes.owners;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.cli.command.show.ClusterChecks;
import dev.culvert.cli.command.show.Finding;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kubernetes.TestControlPlane.Worker;
import dev.culvert.cluster.kube.ApiAccess;
import dev.culvert.cluster.kube.Fabric8Api;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.lab.kubernetes.ApiAnswer;
import dev.culvert.lab.kubernetes.ApiClient;
import dev.culvert.lab.kubernetes.ClusterObjects;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * RBAC and admission policies on a real API server: who may write a CulvertNode, and who may not.
 * Each test has nodes of its own.
 */
@Tag("integration")
@Tag("kubernetes")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class AdmissionTest {
  private static final int LAST = Integer.MAX_VALUE;
  private static final Refusals REFUSALS = new Refusals();

  @TempDir static Path folder;
  private static TestControlPlane cluster;
  private static Worker deletedNode;
  private static Worker deletedPod;

  @BeforeAll
  static void start() {
    cluster = new TestControlPlane(folder);
    cluster.plane.startControllers();
    // Kubernetes takes some seconds to act on these, in which the other tests run.
    deletedNode = cluster.worker("deleted-node").join();
    cluster.objects.deleteNode(deletedNode.name());
    deletedPod = cluster.worker("deleted-pod").join();
    deletedPod.daemon().get(deletedPod.path()).orThrow();
    cluster.objects.deletePod(deletedPod.pod());
  }

  @AfterAll
  static void stop() {
    if (cluster != null) {
      cluster.close();
    }
    REFUSALS.write(Culvert.launcher("cli/target/refusals-admission.md"));
  }

  private static ApiClient registrar(String node) {
    return cluster.worker(node, "culvert-registrar").daemon();
  }

  @Test
  void aDaemonMakesAndChangesItsOwnNode() {
    Worker worker = cluster.worker("own");
    worker.daemon().create(PATH, worker.claim(KEY)).orThrow();
    worker.daemon().patch(worker.path(), key(OTHER_KEY)).orThrow();
    JsonNode made = cluster.admin().get(worker.path()).orThrow();
    assertEquals(OTHER_KEY, made.at("/spec/publicKey").asText());
  }

  @Test
  void aDaemonReadsWhatItNeeds() {
    Worker worker = cluster.worker("reader").join();
    for (String path :
        List.of(
            PATH + "?fieldSelector=status.phase%3DAccepted",
            "/apis/culvert.dev/v1alpha1/encryptionexemptions",
            "/apis/culvert.dev/v1alpha1/culvertpolicies",
            "/api/v1/nodes/reader",
            "/api/v1/namespaces/kube-system",
            "/version")) {
      assertTrue(worker.daemon().get(path).succeeded(), path);
    }
    for (String path : List.of("/api/v1/nodes", "/api/v1/pods", "/api/v1/secrets")) {
      REFUSALS.refused("a daemon lists " + path, worker.daemon().get(path), "cannot list");
    }
    REFUSALS.refused(
        "a daemon changes its Node",
        worker.daemon().patch("/api/v1/nodes/reader", annotation("a", "b")),
        "cannot patch resource \"nodes\"");
  }

  @Test
  void doctorFindsNoFaultWithTheRightsOfADaemon() throws IOException {
    Worker worker = cluster.worker("checked");
    Path kubeconfig = folder.resolve("checked.kubeconfig");
    cluster.plane.writeKubeconfig(
        kubeconfig,
        cluster.plane.apiServer(0).place(),
        cluster.objects.podToken(worker.pod(), worker.podUid(), "culvert-node"));
    try (KubeApi api = new Fabric8Api(ApiAccess.kubeconfig(kubeconfig, List.of()))) {
      List<Finding> ofCluster =
          new ClusterChecks(api, "checked")
              .all().stream().filter(finding -> !finding.subject().equals("CNI")).toList();
      assertEquals(6, ofCluster.size(), ofCluster::toString);
      for (Finding finding : ofCluster) {
        assertEquals(Finding.Verdict.OK, finding.verdict(), finding::toString);
      }
    }
  }

  @Test
  void aDaemonDoesNotSpeakForAnotherNode() {
    Worker mallory = cluster.worker("mallory").join();
    Worker alice = cluster.worker("alice");
    REFUSALS.refused(
        "a daemon makes another node's object",
        mallory.daemon().create(PATH, alice.claim(KEY)),
        "the daemon on node mallory may not write CulvertNode alice");
    REFUSALS.refused(
        "a daemon makes the object of a node to come",
        mallory.daemon().create(PATH, claim("bob", "1-2", owner("bob", "1-2"), KEY)),
        "the daemon on node mallory may not write CulvertNode bob");
    alice.join();
    REFUSALS.refused(
        "a daemon changes another node's key",
        mallory.daemon().patch(alice.path(), key(OTHER_KEY)),
        "the daemon on node mallory may not write CulvertNode alice");
    REFUSALS.refused(
        "a daemon deletes another node's object",
        mallory.daemon().delete(alice.path()),
        "cannot delete resource \"culvertnodes\"");
    REFUSALS.refused(
        "a daemon deletes its own object",
        mallory.daemon().delete(mallory.path()),
        "cannot delete resource \"culvertnodes\"");
    REFUSALS.refused(
        "a daemon with too many rights deletes an object",
        cluster.withAllRights("system:serviceaccount:culvert:culvert-node").delete(alice.path()),
        "deletes no CulvertNode");
    cluster.assertPresent(alice.path());
  }

  @Test
  void anObjectHasTheUidOfItsNode() {
    Worker worker = cluster.worker("uid");
    Worker other = cluster.worker("uid-other");
    REFUSALS.refused(
        "a daemon makes its object with another node's uid",
        worker.daemon().create(PATH, claim("uid", other.uid(), owner("uid", worker.uid()), KEY)),
        "nodeUID is not that of node uid");
    worker.join();
    REFUSALS.refused(
        "a daemon changes nodeUID",
        worker
            .daemon()
            .patch(worker.path(), "{\"spec\": {\"nodeUID\": \"%s\"}}".formatted(other.uid())),
        "nodeUID never changes");
  }

  @Test
  void anObjectIsOwnedByItsNodeAlone() {
    Worker worker = cluster.worker("owned");
    Worker other = cluster.worker("owned-other");
    String own = owner("owned", worker.uid());
    String reason = "a CulvertNode has one owner, its Node";
    REFUSALS.refused(
        "a daemon makes its object without an owner",
        worker.daemon().create(PATH, claim("owned", worker.uid(), "", KEY)),
        reason);
    worker.join();
    REFUSALS.refused(
        "a daemon drops the owner", worker.daemon().patch(worker.path(), owners("")), reason);
    REFUSALS.refused(
        "a daemon changes the owner",
        worker.daemon().patch(worker.path(), owners(owner("owned-other", other.uid()))),
        reason);
    REFUSALS.refused(
        "a daemon adds a second owner, which stays when the first goes",
        worker.daemon().patch(worker.path(), owners(own + "," + owner("owned-other", other.uid()))),
        reason);
    REFUSALS.refused(
        "a daemon adds a finalizer",
        worker.daemon().patch(worker.path(), "{\"metadata\": {\"finalizers\": [\"a.b/c\"]}}"),
        "a CulvertNode gets no new finalizer");
  }

  @Test
  void aTokenIsThatOfAPodOnANode() {
    Worker worker = cluster.worker("token");
    String reason = "the token is not that of a pod on a node";
    ApiClient free = cluster.plane.withToken(cluster.objects.freeToken("culvert-node"));
    REFUSALS.refused(
        "a token that is bound to nothing", free.create(PATH, worker.claim(KEY)), reason);
    String path = ClusterObjects.tokenPath("culvert-node");
    String bound =
        ClusterObjects.token(
            cluster
                .admin()
                .create(path, ClusterObjects.tokenRequest("Node", "token", worker.uid())));
    REFUSALS.refused(
        "a token that is bound to a Node and to no pod",
        cluster.plane.withToken(bound).create(PATH, worker.claim(KEY)),
        reason);
    String pod = cluster.objects.addPod("homeless", "", "culvert-node");
    REFUSALS.refused(
        "a token of a pod on no node",
        cluster
            .plane
            .withToken(cluster.objects.podToken("homeless", pod, "culvert-node"))
            .create(PATH, worker.claim(KEY)),
        reason);
  }

  @Test
  void theRegistrarAloneWritesAStatus() {
    Worker worker = cluster.worker("judged").join();
    String status = worker.path() + "/status";
    REFUSALS.refused(
        "a daemon accepts itself",
        worker.daemon().patch(status, accepted(KEY)),
        "cannot patch resource \"culvertnodes/status\"");
    String reason = "only the registrar writes the status";
    REFUSALS.refused(
        "a daemon with too many rights accepts itself",
        cluster
            .withAllRights("system:serviceaccount:culvert:culvert-node")
            .patch(status, accepted(KEY)),
        reason);
    REFUSALS.refused(
        "a kubelet with too many rights accepts its node",
        cluster.withAllRights("system:node:judged").patch(status, accepted(KEY)),
        reason);
    REFUSALS.refused(
        "an administrator accepts a node by hand",
        cluster.admin().patch(status, accepted(KEY)),
        reason);
    REFUSALS.refused(
        "a token of the registrar's account that is bound to nothing",
        cluster
            .plane
            .withToken(cluster.objects.freeToken("culvert-registrar"))
            .patch(status, accepted(KEY)),
        "the token is not that of a pod on a node");
    worker.daemon().patch(worker.path(), accepted(OTHER_KEY)).orThrow();
    assertEquals("", phase(worker), "a status in a write of the spec has no effect");
    registrar("judge").patch(status, accepted(KEY)).orThrow();
    assertEquals("Accepted", phase(worker));
  }

  private static String phase(Worker worker) {
    return cluster.admin().get(worker.path()).orThrow().at("/status/phase").asText();
  }

  @Test
  void theRegistrarWritesNothingButAStatus() {
    Worker worker = cluster.worker("judged-only").join();
    ApiClient registrar = registrar("judge-only");
    ApiClient mistake = cluster.withAllRights("system:serviceaccount:culvert:culvert-registrar");
    REFUSALS.refused(
        "a registrar writes a spec",
        registrar.patch(worker.path(), key(OTHER_KEY)),
        "cannot patch resource \"culvertnodes\"");
    REFUSALS.refused(
        "a registrar with too many rights writes a spec",
        mistake.patch(worker.path(), key(OTHER_KEY)),
        "only the daemon on the node itself writes the spec");
    REFUSALS.refused(
        "a registrar with too many rights accepts a key in an administrator's name",
        mistake.patch(worker.path(), annotation(ACCEPT, KEY)),
        "only an administrator annotates");
    REFUSALS.refused(
        "a registrar changes a Node",
        registrar.patch("/api/v1/nodes/judged-only", annotation("a", "b")),
        "cannot patch resource \"nodes\"");
    String both =
        """
        {"metadata": {"annotations": {"%s": "%s"}}, "spec": {"publicKey": "%s"},
         "status": {"phase": "Pending"}}
        """
            .formatted(ACCEPT, KEY, OTHER_KEY);
    registrar.patch(worker.path() + "/status", both).orThrow();
    JsonNode after = cluster.admin().get(worker.path()).orThrow();
    assertEquals(KEY, after.at("/spec/publicKey").asText());
    assertTrue(after.at("/metadata/annotations").isMissingNode());
    registrar.delete(worker.path()).orThrow();
  }

  @Test
  void theRegistrarsLeaseIsReadByDaemonsAndWrittenByRegistrars() {
    String leases = "/apis/coordination.k8s.io/v1/namespaces/culvert/leases";
    String lease = leases + "/culvert-registrar";
    String object =
        """
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
         "metadata": {"name": "culvert-registrar"}, "spec": {"holderIdentity": "%s"}}
        """;
    ApiClient daemon = cluster.worker("lease-reader").daemon();
    REFUSALS.refused(
        "a daemon makes itself the registrar that leads",
        daemon.create(leases, object.formatted("mallory")),
        "cannot create resource \"leases\"");
    ApiClient registrar = registrar("lease-writer");
    registrar.create(leases, object.formatted("one")).orThrow();
    registrar.patch(lease, "{\"spec\": {\"holderIdentity\": \"two\"}}").orThrow();
    daemon.get(lease).orThrow();
    REFUSALS.refused(
        "a daemon gives out another key as the registrar's",
        daemon.patch(lease, annotation("culvert.dev/registrar-key", KEY)),
        "cannot patch resource \"leases\"");
  }

  @Test
  void aControlPlaneDaemonIsADaemonAndARegistrar() {
    Worker both = cluster.worker("both", "culvert-control-plane").join();
    Worker other = cluster.worker("both-other").join();
    both.daemon().patch(other.path() + "/status", accepted(KEY)).orThrow();
    REFUSALS.refused(
        "a control-plane daemon changes another node's key",
        both.daemon().patch(other.path(), key(OTHER_KEY)),
        "the daemon on node both may not write CulvertNode both-other");
  }

  @Test
  void onlyAnAdministratorAcceptsAKey() {
    Worker worker = cluster.worker("annotated");
    String reason = "only an administrator annotates";
    String annotated =
        worker
            .claim(KEY)
            .replace(
                "\"ownerR", "\"annotations\": {\"%s\": \"%s\"}, \"ownerR".formatted(ACCEPT, KEY));
    REFUSALS.refused(
        "a daemon makes its object with the annotation that accepts its key",
        worker.daemon().create(PATH, annotated),
        reason);
    worker.join();
    REFUSALS.refused(
        "a daemon annotates that its key is accepted",
        worker.daemon().patch(worker.path(), annotation(ACCEPT, OTHER_KEY)),
        reason);
    REFUSALS.refused(
        "a kubelet with too many rights annotates that a key is accepted",
        cluster
            .withAllRights("system:node:annotated")
            .patch(worker.path(), annotation(ACCEPT, OTHER_KEY)),
        reason);
    cluster.admin().patch(worker.path(), annotation("culvert.dev/reject", "stolen")).orThrow();
    worker.daemon().patch(worker.path(), key(OTHER_KEY)).orThrow();
    REFUSALS.refused(
        "a daemon takes an administrator's rejection away",
        worker
            .daemon()
            .patch(
                worker.path(), "{\"metadata\": {\"annotations\": {\"culvert.dev/reject\": null}}}"),
        reason);
    REFUSALS.refused(
        "a daemon labels its object",
        worker.daemon().patch(worker.path(), "{\"metadata\": {\"labels\": {\"a\": \"b\"}}}"),
        "a CulvertNode has no labels");
  }

  @Test
  void anAdministratorChangesAnnotationsAlone() {
    Worker worker = cluster.worker("governed").join();
    Worker other = cluster.worker("governed-other");
    ApiClient admin = cluster.admin();
    REFUSALS.refused(
        "an administrator writes a key",
        admin.patch(worker.path(), key(OTHER_KEY)),
        "only the daemon on the node itself writes the spec");
    REFUSALS.refused(
        "an administrator makes an object",
        admin.create(PATH, other.claim(KEY)),
        "only the daemon on the node itself writes the spec");
    REFUSALS.refused(
        "an administrator changes the owner",
        admin.patch(worker.path(), owners(owner("governed-other", other.uid()))),
        "the owner of a CulvertNode is its Node and stays");
    REFUSALS.refused(
        "an administrator labels an object",
        admin.patch(worker.path(), "{\"metadata\": {\"labels\": {\"a\": \"b\"}}}"),
        "a CulvertNode has no labels");
    admin.patch(worker.path(), annotation(ACCEPT, OTHER_KEY)).orThrow();
    admin.delete(worker.path()).orThrow();
  }

  @Test
  void aKubeletDoesNotSpeakForADaemon() {
    Worker worker = cluster.worker("kubelet").join();
    Worker other = cluster.worker("kubelet-other").join();
    ApiClient kubelet = cluster.plane.kubelet("kubelet");
    REFUSALS.refused(
        "a kubelet writes the CulvertNode of its node",
        kubelet.patch(worker.path(), key(OTHER_KEY)),
        "cannot patch resource \"culvertnodes\"");
    REFUSALS.refused(
        "a kubelet with too many rights writes the CulvertNode of its node",
        cluster.withAllRights("system:node:kubelet").patch(worker.path(), key(OTHER_KEY)),
        "only the daemon on the node itself writes the spec");
    String path = ClusterObjects.tokenPath("culvert-node");
    REFUSALS.refused(
        "a kubelet asks for the token of a pod on another node",
        kubelet.create(path, ClusterObjects.tokenRequest("Pod", other.pod(), other.podUid())),
        "bound to a pod scheduled on a different node");
    REFUSALS.refused(
        "a kubelet asks for a token that is bound to its Node",
        kubelet.create(path, ClusterObjects.tokenRequest("Node", "kubelet", worker.uid())),
        "requested token not bound to a pod");
    REFUSALS.refused(
        "a kubelet asks for a token of the registrar's account",
        kubelet.create(
            ClusterObjects.tokenPath("culvert-registrar"),
            ClusterObjects.tokenRequest("Pod", worker.pod(), worker.podUid())),
        "no relationship found");
    ClusterObjects.token(
        kubelet.create(path, ClusterObjects.tokenRequest("Pod", worker.pod(), worker.podUid())));
    for (String label :
        List.of("node-role.kubernetes.io/control-plane", "node-restriction.kubernetes.io/etcd")) {
      REFUSALS.refused(
          "a kubelet labels its Node " + label,
          kubelet.patch(
              "/api/v1/nodes/kubelet",
              "{\"metadata\": {\"labels\": {\"%s\": \"\"}}}".formatted(label)),
          "is not allowed to modify labels");
    }
  }

  @Test
  void kubectlPrintsWhatAnOperatorWants() {
    Worker worker = cluster.worker("printed").join();
    ApiClient registrar = registrar("printed-judge");
    registrar
        .patch(
            worker.path() + "/status",
            """
            {"status": {"phase": "Rejected", "publicKey": "%s", "ranges": ["10.42.9.0/24"],
             "conditions": [{"type": "RangesKnown", "status": "True", "reason": "FromNode"},
                            {"type": "NoConflict", "status": "False", "reason": "RangeTaken",
                             "message": "node-a owns 10.42.9.0/24"}]}}
            """
                .formatted(KEY))
        .orThrow();
    Commands.Result printed = cluster.plane.kubectl("get", "culvertnode", "printed").orThrow();
    List<String> lines = printed.out().lines().toList();
    assertEquals(
        List.of("NAME", "PHASE", "ENGINE", "ENDPOINT", "KEY", "RANGES", "REASON", "AGE"),
        List.of(lines.get(0).strip().split(" +", -1)));
    assertEquals(
        List.of(
            "printed",
            "Rejected",
            "wireguard",
            "192.0.2.1:51820",
            KEY,
            "[\"10.42.9.0/24\"]",
            "RangeTaken"),
        List.of(lines.get(1).strip().split(" +", -1)).subList(0, 7));
  }

  @Test
  @Order(LAST)
  void anObjectIsDeletedWithItsNode() {
    assertTrue(
        Waiting.until(
            Commands.PATIENCE.multipliedBy(2),
            () -> cluster.admin().get(deletedNode.path()).code() == 404),
        () -> cluster.admin().get(deletedNode.path()).toString());
  }

  @Test
  @Order(LAST)
  void aTokenEndsWithItsPod() {
    assertTrue(
        Waiting.until(
            Commands.PATIENCE, () -> !deletedPod.daemon().get(deletedPod.path()).succeeded()));
    // A read, since a server that wants no body may cut a write off before its answer is read.
    ApiAnswer refused = deletedPod.daemon().get(deletedPod.path());
    REFUSALS.refused("a token whose pod is gone", refused, "Unauthorized");
  }
}
