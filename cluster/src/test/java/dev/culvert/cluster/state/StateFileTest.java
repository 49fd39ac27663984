// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.Snapshots;
import dev.culvert.cluster.fake.Samples;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertPolicy;
import dev.culvert.cluster.resource.EncryptionExemption;
import dev.culvert.routing.IpAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Holds that the kept state is read as it was written, or not at all. */
class StateFileTest {
  @TempDir private Path folder;

  private StateFile file() {
    return new StateFile(path(), Files::write);
  }

  private Path path() {
    return folder.resolve("cluster.json");
  }

  private static ClusterState state() {
    List<CulvertNode> nodes = IntStream.range(0, 3).mapToObj(Samples::node).toList();
    EncryptionExemption exemption =
        new EncryptionExemption(
            Samples.metadata("etcd", 4),
            new EncryptionExemption.Spec(
                new EncryptionExemption.Selector(Map.of("node-role.kubernetes.io/etcd", "")),
                "TCP",
                List.of("2379")));
    CulvertPolicy policy =
        new CulvertPolicy(
            Samples.metadata("default", 5),
            new CulvertPolicy.Spec(
                List.of("10.0.0.0/8"),
                new CulvertPolicy.Encrypt(null, false, null, null),
                null,
                List.of("podToNode")));
    return new ClusterState(
        "uid",
        Instant.parse("2026-11-29T03:04:05Z"),
        new Kept<>(
            nodes,
            100,
            50,
            Set.of("node-2"),
            List.of(Samples.node(7)),
            Set.of("node-2"),
            new LinkedHashMap<>(Map.of("gone", 77L))),
        Kept.of(List.of(exemption), 100),
        Kept.of(List.of(policy), 101),
        Map.of("192.0.2.9", Instant.parse("2026-11-29T03:00:00Z")));
  }

  @Test
  void readsWhatWasWritten() throws Exception {
    file().write(state());
    ClusterState read = Objects.requireNonNull(file().read("uid"));
    assertEquals(state(), read);
    assertEquals(Snapshots.of(state()), Snapshots.of(read));
    assertEquals(3, Snapshots.of(read).members().size());
    assertEquals(Set.of(IpAddress.parse("192.0.2.9")), Snapshots.of(read).former());
  }

  @Test
  void keepsWhatWasNeverRead() throws Exception {
    ClusterState young = new ClusterState("uid", Instant.EPOCH, null, null, null, null);
    file().write(young);
    assertEquals(young, file().read(null));
    assertNull(Snapshots.of(young).exemptions());
  }

  @Test
  void hasNothingToReadAtFirst() {
    assertNull(file().read(null));
  }

  @Test
  void doesNotUseTheStateOfAnotherCluster() throws Exception {
    file().write(state());
    assertNull(file().read("another"));
    assertTrue(Files.exists(path()), "it may still be of use where it belongs");
  }

  @Test
  void setsADamagedFileAside() throws Exception {
    file().write(state());
    byte[] whole = Files.readAllBytes(path());
    for (int at : new int[] {0, 20, whole.length / 2, whole.length - 1}) {
      byte[] flipped = whole.clone();
      flipped[at] ^= 1;
      assertSetAside(flipped);
    }
    byte[] cut = new byte[whole.length - 100];
    System.arraycopy(whole, 0, cut, 0, cut.length);
    assertSetAside(cut);
    assertSetAside(new byte[0]);
    assertSetAside("{}\n{}".getBytes(StandardCharsets.UTF_8));
  }

  private void assertSetAside(byte[] content) throws Exception {
    Files.write(path(), content);
    assertNull(file().read(null));
    assertTrue(Files.notExists(path()));
    assertTrue(Files.exists(folder.resolve("cluster.json.damaged")));
  }
}
