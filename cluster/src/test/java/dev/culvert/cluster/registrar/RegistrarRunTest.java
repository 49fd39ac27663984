// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.fake.FakeApiServer;
import dev.culvert.cluster.fake.FakeStore;
import dev.culvert.cluster.follow.FollowLimits;
import dev.culvert.cluster.kube.ApiAccess;
import dev.culvert.cluster.kube.Fabric8Api;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.cluster.resource.IpamBlock;
import dev.culvert.cluster.resource.Lease;
import dev.culvert.cluster.resource.Node;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.crypto.SecretBytes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Holds that a registrar accepts nodes through a real HTTP API. */
class RegistrarRunTest {
  private static final long PATIENCE = 30_000_000_000L;
  private static final ResourceKind<Lease> LEASES = ResourceKind.leases(RegistrarConfig.NAMESPACE);

  private final FakeApiServer server = new FakeApiServer();
  private final Fabric8Api api = new Fabric8Api(ApiAccess.anonymous(List.of(server.uri())));
  private final List<RegistrarRun> runs = new ArrayList<>();

  @AfterEach
  void close() {
    runs.forEach(RegistrarRun::close);
    api.close();
    server.close();
  }

  private RegistrarRun start(String replica, RangeKind ranges) {
    RegistrarRun run =
        RegistrarRun.start(
            api,
            new RegistrarConfig(
                replica, RegistrarConfig.NAMESPACE, ranges, Registrar.Settings.NONE),
            FollowLimits.DEFAULT);
    runs.add(run);
    return run;
  }

  /** A Node and its claim; the server gives the uid. */
  private void node(String name, int number, String cidr) throws KubeException {
    server.put(
        ResourceKind.NODES,
        name,
        JsonMapper.shared()
            .readValue(
                """
                {"metadata":{"name":"%s"},"spec":{"podCIDRs":[%s]},
                 "status":{"addresses":[{"type":"InternalIP","address":"10.0.0.%d"}]}}
                """
                    .formatted(name, cidr.isEmpty() ? "" : "\"" + cidr + "\"", number),
                Node.class));
    claim(name, FakeCluster.key(number), null);
  }

  private void claim(String name, String key, CulvertNode.@Nullable Proof proof)
      throws KubeException {
    Node node = api.get(ResourceKind.NODES, name);
    CulvertNode.Spec spec =
        FakeCluster.spec(node.metadata().uid(), key, FakeCluster.endpoints(node), proof);
    byte[] json =
        JsonMapper.shared()
            .writeValueAsBytes(Map.of("metadata", Map.of("name", name), "spec", spec));
    try {
      api.create(ResourceKind.CULVERT_NODES, json);
    } catch (KubeException e) {
      assertEquals(KubeException.CONFLICT, e.code());
      api.patch(ResourceKind.CULVERT_NODES, name, null, json);
    }
  }

  /** The owner of a key claims another one, and proves it. */
  private void claimProven(String name, int oldKey, int newKey) throws KubeException {
    Lease lease = api.get(LEASES, RegistrarConfig.LEASE);
    String registrarKey = lease.metadata().annotations().get(RegistrarKey.ANNOTATION);
    String uid = api.get(ResourceKind.NODES, name).metadata().uid();
    try (SecretBytes old = SecretBytes.owning(FakeCluster.privateKey(oldKey))) {
      CulvertNode.Proof proof =
          KeyChangeProof.make(
              old,
              Objects.requireNonNull(registrarKey),
              new KeyChangeProof.Change(
                  name, uid, FakeCluster.key(oldKey), FakeCluster.key(newKey)));
      claim(name, FakeCluster.key(newKey), proof);
    }
  }

  private interface Condition {
    boolean holds() throws KubeException;
  }

  private static void await(String what, Condition condition) throws Exception {
    long end = System.nanoTime() + PATIENCE;
    while (!condition.holds()) {
      assertTrue(System.nanoTime() < end, what);
      Thread.sleep(10);
    }
  }

  private CulvertNode.@Nullable Status status(String name) throws KubeException {
    return api.get(ResourceKind.CULVERT_NODES, name).status();
  }

  private void awaitAccepted(String name) throws Exception {
    await(
        name + " is accepted",
        () -> {
          CulvertNode.Status status = status(name);
          return status != null && status.phase() == Phase.ACCEPTED;
        });
  }

  @Test
  void nothingIsAcceptedOnAServerThatIsTooOld() throws Exception {
    server.version(30);
    node("a", 1, "10.1.1.0/24");
    RegistrarRun run = start("one", RangeKind.NODES);
    await("the reason is said", () -> String.valueOf(run.trouble()).contains("older than 1.31"));
    assertNull(status("a"));
    assertFalse(run.stats().leads(), "another replica may have a server that is not");
    server.version(31);
    awaitAccepted("a");
  }

  @Test
  void nodesAreAcceptedAsTheyComeAndAKeyIsChangedWithAProof() throws Exception {
    RegistrarRun run = start("one", RangeKind.NODES);
    node("a", 1, "10.1.1.0/24");
    awaitAccepted("a");
    node("b", 2, "10.1.2.0/24");
    awaitAccepted("b");
    claimProven("a", 1, 9);
    await(
        "the proven key is accepted",
        () -> FakeCluster.key(9).equals(Objects.requireNonNull(status("a")).publicKey()));
    assertTrue(run.stats().leads());
    await("both are counted", () -> run.stats().accepted() == 2);
    assertEquals(0, run.stats().conflicts() + run.stats().refusals() + run.stats().failures());
  }

  @Test
  void afterARestoreOfEtcdAProvenKeyIsAcceptedWithinSeconds() throws Exception {
    RegistrarRun run = start("one", RangeKind.NODES);
    node("a", 1, "10.1.1.0/24");
    awaitAccepted("a");
    FakeStore.Backup[] backup = new FakeStore.Backup[1];
    server.edit(store -> backup[0] = store.backup());
    server.edit(store -> store.pass(1_000));
    claimProven("a", 1, 9);
    await(
        "the proven key is accepted",
        () -> FakeCluster.key(9).equals(Objects.requireNonNull(status("a")).publicKey()));
    server.edit(store -> store.restore(Objects.requireNonNull(backup[0])));
    server.cutWatches();
    node("b", 2, "10.1.2.0/24");
    claimProven("a", 1, 9);
    await(
        "the proven key is accepted again",
        () -> FakeCluster.key(9).equals(Objects.requireNonNull(status("a")).publicKey()));
    assertNull(status("b"), "a node that is new waits until all others are back");
    assertEquals(0, run.stats().refusals());
  }

  @Test
  void aReplicaTakesOverAtOnceFromOneThatStops() throws Exception {
    RegistrarRun one = start("one", RangeKind.NODES);
    await("one leads", () -> one.stats().leads());
    RegistrarRun two = start("two", RangeKind.NODES);
    one.close();
    runs.remove(one);
    node("a", 1, "10.1.1.0/24");
    awaitAccepted("a");
    assertTrue(two.stats().leads());
    String holder =
        Objects.requireNonNull(api.get(LEASES, RegistrarConfig.LEASE).spec()).holderIdentity();
    assertTrue(Objects.requireNonNull(holder).startsWith("two_"), holder);
  }

  @Test
  void rangesAreTakenFromTheObjectsThatAreThere() throws Exception {
    RegistrarRun run = start("one", RangeKind.AUTO);
    node("a", 1, "10.1.1.0/24");
    await("it waits for a block", () -> ("" + run.trouble()).contains("no IPAMBlock yet"));
    server.put(
        ResourceKind.CALICO_BLOCKS,
        "10-2-0-0-26",
        JsonMapper.shared()
            .readValue(
                """
                {"metadata":{"name":"10-2-0-0-26"},
                 "spec":{"cidr":"10.2.0.0/26","affinity":"host:a","allocations":[null]}}
                """,
                IpamBlock.class));
    awaitAccepted("a");
    assertEquals(List.of("10.2.0.0/26"), Objects.requireNonNull(status("a")).ranges());
    assertNull(run.trouble());
  }

  @Test
  void podsOfOneNameInTwoNamespacesAreTwoPods() throws Exception {
    for (String namespace : List.of("blue", "green")) {
      int last = namespace.equals("blue") ? 2 : 3;
      server.edit(
          store ->
              store.put(
                  ResourceKind.PODS.path(),
                  namespace + "-web",
                  (ObjectNode)
                      JsonMapper.shared()
                          .readTree(
                              """
                              {"metadata":{"name":"web","namespace":"%s"},
                               "spec":{"nodeName":"a"},
                               "status":{"phase":"Running","podIPs":[{"ip":"10.5.0.%d"}]}}
                              """
                                  .formatted(namespace, last))));
    }
    start("one", RangeKind.PODS);
    node("a", 1, "");
    awaitAccepted("a");
    await(
        "both pods are known",
        () -> List.of("10.5.0.2/31").equals(Objects.requireNonNull(status("a")).ranges()));
    assertNotNull(status("a"));
  }
}
