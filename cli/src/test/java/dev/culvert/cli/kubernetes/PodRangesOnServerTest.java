// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.cli.kubernetes.TestControlPlane.Worker;
import dev.culvert.cluster.kube.ApiAccess;
import dev.culvert.cluster.kube.Fabric8Api;
import dev.culvert.cluster.registrar.RangeKind;
import dev.culvert.cluster.registrar.Registrar;
import dev.culvert.cluster.registrar.RegistrarConfig;
import dev.culvert.cluster.registrar.RegistrarRun;
import dev.culvert.lab.kubernetes.ClusterObjects;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Holds that a registrar with its own rights finds pods' ranges on a real API server where network
 * plugins write them: in objects of Calico and Cilium, and in Pods.
 */
@Tag("integration")
@Tag("kubernetes")
final class PodRangesOnServerTest {
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final String BLOCKS = "/apis/crd.projectcalico.org/v1/ipamblocks";
  private static final String CILIUM_NODES = "/apis/cilium.io/v2/ciliumnodes";
  private static final int PODS = 64;

  @TempDir static Path folder;
  private static TestControlPlane cluster;
  private static ApiAccess registrar;

  @BeforeAll
  static void start() throws IOException {
    cluster = new TestControlPlane(folder);
    registrar = cluster.registrar(folder.resolve("token"));
    customResource("crd.projectcalico.org", "v1", "ipamblocks", "IPAMBlock");
    customResource("cilium.io", "v2", "ciliumnodes", "CiliumNode");
    cluster.plane.allowPods("culvert-registrar");
  }

  @AfterAll
  static void end() {
    if (cluster != null) {
      cluster.close();
    }
  }

  /** Makes a kind as the plugin's own manifests do, and waits until it is served. */
  private static void customResource(String group, String version, String plural, String kind) {
    create(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        """
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
         "metadata": {"name": "%3$s.%1$s"},
         "spec": {"group": "%1$s", "scope": "Cluster",
          "names": {"plural": "%3$s", "singular": "%5$s", "kind": "%4$s", "listKind": "%4$sList"},
          "versions": [{"name": "%2$s", "served": true, "storage": true, "schema":
           {"openAPIV3Schema": {"type": "object", "properties": {"spec":
            {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}]}}
        """
            .formatted(group, version, plural, kind, kind.toLowerCase(Locale.ROOT)));
    String path = "/apis/%s/%s/%s".formatted(group, version, plural);
    assertTrue(Waiting.until(PATIENCE, () -> cluster.admin().get(path).succeeded()), path);
  }

  private static void create(String path, String json) {
    cluster.admin().create(path, json).orThrow();
  }

  private static Worker node(String name, int number) {
    Worker node =
        cluster.worker(name, "culvert-node", Map.of(), List.of(), List.of("192.0.2." + number));
    byte[] key = new byte[32];
    key[0] = (byte) number;
    String text = Base64.getEncoder().encodeToString(key);
    node.daemon().create(CulvertNodes.PATH, node.claim(text)).orThrow();
    return node;
  }

  private static void awaitRanges(Worker node, String... ranges) {
    Set<String> wanted = new TreeSet<>(List.of(ranges));
    assertTrue(
        Waiting.until(PATIENCE, () -> ranges(node).equals(wanted)),
        () -> node.name() + " has not " + wanted + ": " + status(node));
  }

  private static JsonNode status(Worker node) {
    return cluster.admin().get(node.path()).orThrow().path("status");
  }

  private static Set<String> ranges(Worker node) {
    Set<String> ranges = new TreeSet<>();
    if (status(node).path("phase").asText().equals("Accepted")) {
      status(node).path("ranges").forEach(range -> ranges.add(range.asText()));
    }
    return ranges;
  }

  /** A registrar that reads ranges there. */
  private static final class Reading implements AutoCloseable {
    private final Fabric8Api api = new Fabric8Api(registrar);
    private final RegistrarRun run;

    Reading(RangeKind kind) {
      run =
          RegistrarRun.start(
              api,
              new RegistrarConfig(
                  "test", RegistrarConfig.NAMESPACE, kind, Registrar.Settings.NONE));
    }

    long writes() {
      return run.stats().writes();
    }

    @Override
    public void close() {
      run.close();
      api.close();
    }
  }

  private static String block(String name, String affinity, String borrower) {
    return """
    {"apiVersion": "crd.projectcalico.org/v1", "kind": "IPAMBlock",
     "metadata": {"name": "%1$s"},
     "spec": {"cidr": "10.2.0.0/29", "affinity": "host:%2$s", "deleted": false,
      "allocations": [0, null, 1, null, null, null, null, null],
      "unallocated": [1, 3, 4, 5, 6, 7],
      "attributes": [{"handle_id": "h0", "secondary": {"node": "%2$s", "pod": "p"}},
                     {"handle_id": "h1", "secondary": {"node": "%3$s", "pod": "q"}}]}}
    """
        .formatted(name, affinity, borrower);
  }

  @Test
  void calicosBlocksAreTheirNodesAndABorrowedAddressTheBorrowers() {
    create(BLOCKS, block("10-2-0-0-29", "calico-a", "calico-b"));
    try (Reading reading = new Reading(RangeKind.AUTO)) {
      Worker a = node("calico-a", 11);
      Worker b = node("calico-b", 12);
      awaitRanges(a, "10.2.0.0/29");
      awaitRanges(b, "10.2.0.2/32");
      // The borrower gives its address back, and the block goes to the other node.
      cluster.admin().delete(BLOCKS + "/10-2-0-0-29").orThrow();
      create(BLOCKS, block("10-2-0-0-29", "calico-b", "calico-b"));
      awaitRanges(b, "10.2.0.0/29");
      awaitRanges(a);
      assertTrue(reading.writes() > 0);
    } finally {
      cluster.admin().delete(BLOCKS + "/10-2-0-0-29").orThrow();
      cluster.objects.deleteNode("calico-a");
      cluster.objects.deleteNode("calico-b");
    }
  }

  @Test
  void ciliumsNodesTellTheirRanges() {
    String node =
        """
        {"apiVersion": "cilium.io/v2", "kind": "CiliumNode", "metadata": {"name": "cilium-a"},
         "spec": {"ipam": {"podCIDRs": ["10.3.0.0/24"]}}}
        """;
    create(CILIUM_NODES, node);
    try (Reading reading = new Reading(RangeKind.CILIUM)) {
      Worker a = node("cilium-a", 21);
      awaitRanges(a, "10.3.0.0/24");
      cluster
          .admin()
          .patch(
              CILIUM_NODES + "/cilium-a",
              "{\"spec\": {\"ipam\": {\"podCIDRs\": [\"10.3.0.0/24\", \"fd03::/64\"]}}}")
          .orThrow();
      awaitRanges(a, "10.3.0.0/24", "fd03::/64");
      assertTrue(reading.writes() > 0);
    } finally {
      cluster.admin().delete(CILIUM_NODES + "/cilium-a").orThrow();
      cluster.objects.deleteNode("cilium-a");
    }
  }

  @Test
  void podsAddressesBecomeFewRangesByAtMostOneWritePerSecond() {
    try (Reading reading = new Reading(RangeKind.PODS)) {
      Worker a = node("pods-a", 31);
      Worker b = node("pods-b", 32);
      addPod("first", "pods-b", "10.4.9.9");
      awaitRanges(b, "10.4.9.9/32");
      long before = reading.writes();
      long began = System.nanoTime();
      for (int i = 0; i < PODS; i++) {
        addPod("p" + i, "pods-a", "10.4.0." + i);
      }
      awaitRanges(a, "10.4.0.0/26");
      long seconds = Duration.ofNanos(System.nanoTime() - began).toSeconds();
      long writes = reading.writes() - before;
      assertTrue(writes <= seconds + 2, writes + " writes in " + seconds + " s");

      // One pod ends, and its address is another node's at once.
      cluster.objects.deletePod("p63");
      addPod("moved", "pods-b", "10.4.0.63");
      awaitRanges(b, "10.4.0.63/32", "10.4.9.9/32");
      assertEquals("Accepted", status(a).path("phase").asText());
    } finally {
      cluster.objects.deleteNode("pods-a");
      cluster.objects.deleteNode("pods-b");
    }
  }

  /** A pod that runs, as its kubelet reports it. */
  private static void addPod(String name, String node, String address) {
    cluster.objects.addPod(name, node, "culvert-node");
    cluster
        .admin()
        .patch(
            "/api/v1/namespaces/%s/pods/%s/status".formatted(ClusterObjects.NAMESPACE, name),
            """
            {"status": {"phase": "Running", "podIP": "%1$s", "podIPs": [{"ip": "%1$s"}]}}
            """
                .formatted(address))
        .orThrow();
  }
}
