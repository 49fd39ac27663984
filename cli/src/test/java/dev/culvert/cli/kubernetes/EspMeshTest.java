// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.daemon.admin.EspView;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Gateways of ESP find each other by the same objects as those of WireGuard, and the objects say
 * which node has which global key. Cilium's Secret is read as it is, from where a kubelet mounts
 * it.
 */
@Tag("integration")
@Tag("kubernetes")
final class EspMeshTest {
  private static final String MARKER = "never-in-clear-0";
  private static final Pattern SEQUENCE = Pattern.compile("icmp_seq=(\\d+) ttl=");
  private static final int KEY_AND_SALT = 20;

  /** A line as Cilium's documentation makes it. */
  private static String line(int id) {
    byte[] key = new byte[KEY_AND_SALT];
    new SecureRandom().nextBytes(key);
    return id + "+ rfc4106(gcm(aes)) " + HexFormat.of().formatHex(key) + " 128";
  }

  private static SortedMap<String, String> each(Mesh mesh, String field) {
    SortedMap<String, String> values = new TreeMap<>();
    try {
      for (JsonNode node :
          new ObjectMapper()
              .readTree(mesh.cluster.culvert(0, "nodes", "-o", "json").orThrow().out())) {
        values.put(node.path("name").asText(), node.path(field).asText());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return values;
  }

  private static boolean becomes(Mesh mesh, String field, String ofA, String ofB) {
    Map<String, String> wanted = Map.of("node-a", ofA, "node-b", ofB);
    return Waiting.until(Mesh.PATIENCE, () -> each(mesh, field).equals(wanted));
  }

  private static boolean sendsUnder(Mesh mesh, int key) {
    return Waiting.until(
        Mesh.PATIENCE,
        () -> pairs(mesh, 0).equals(List.of(key)) && pairs(mesh, 1).equals(List.of(key)));
  }

  private static List<Integer> pairs(Mesh mesh, int site) {
    EspView esp = Objects.requireNonNull(mesh.status(site).esp());
    return Objects.requireNonNull(esp.globalKey()).peers().stream()
        .map(EspView.PairView::sendsUnder)
        .toList();
  }

  private static Map<String, String> espWith(MountedSecret secret) {
    return Map.of("CULVERT_ENGINE", "esp", "CULVERT_ESP_KEY_FILE", secret.file().toString());
  }

  @Test
  void espIsKeyedInAClusterByCiliumsSecretThatRotatesAndByHandshakes(@TempDir Path folder)
      throws IOException {
    Requirements.namespaces();
    MountedSecret atA = new MountedSecret(folder.resolve("secret-a"));
    MountedSecret atB = new MountedSecret(folder.resolve("secret-b"));
    String third = line(3);
    atA.set(third);
    atB.set(third);
    try (Mesh mesh = new Mesh(folder, MeshForm.APART)) {
      mesh.join(0, "node-a");
      mesh.join(1, "node-b");
      mesh.start(0, "node-a", espWith(atA));
      mesh.start(1, "node-b", espWith(atB));
      try (Capture capture = mesh.cluster.provenCapture(MARKER)) {
        assertTrue(mesh.connected(0, 1), mesh::state);
        assertTrue(becomes(mesh, "espKeyId", "3", "3"), mesh::state);
        rotate(mesh, atA, atB, third);
        TestCluster.send(
            mesh.cluster.site(0).pod(), mesh.cluster.site(1).podAddress(), 7, 0, MARKER);
        assertTrue(mesh.connected(0, 1), mesh::state);
        mesh.kill(0);
        mesh.kill(1);
        mesh.start(0, "node-a", Map.of("CULVERT_ENGINE", "noise"));
        mesh.start(1, "node-b", Map.of("CULVERT_ENGINE", "noise"));
        assertTrue(mesh.connected(0, 1), mesh::state);
        assertTrue(becomes(mesh, "engine", "noise", "noise"), mesh::state);
        assertEquals(2, new HashSet<>(each(mesh, "publicKey").values()).size(), "own keys");
        capture.stop();
        assertEquals(0, capture.seen(MARKER));
      }
    }
  }

  /** First with the former key's line before the new one, then as Cilium's own tool: without. */
  private static void rotate(Mesh mesh, MountedSecret atA, MountedSecret atB, String third) {
    String both = third + "\n" + line(4) + "\n";
    String fifth = line(5);
    try (Daemon pings =
        mesh.cluster
            .site(0)
            .pod()
            .start("ping", "-n", "-i", "0.05", mesh.cluster.site(1).podAddress())) {
      pings.awaitOutput("icmp_seq=2 ");
      atA.set(both);
      assertTrue(becomes(mesh, "espKeyId", "4", "3"), mesh::state);
      atB.set(both);
      assertTrue(becomes(mesh, "espKeyId", "4", "4"), mesh::state);
      assertTrue(sendsUnder(mesh, 4), mesh::state);
      atB.set(fifth);
      assertTrue(becomes(mesh, "espKeyId", "4", "5"), mesh::state);
      atA.set(fifth);
      assertTrue(becomes(mesh, "espKeyId", "5", "5"), mesh::state);
      assertTrue(sendsUnder(mesh, 5), mesh::state);
      int before = answered(pings).size();
      assertTrue(
          Waiting.until(Mesh.PATIENCE, () -> answered(pings).size() > before), "under the new key");
      pings.signal("INT");
      pings.awaitEnd(Commands.PATIENCE);
      Set<Integer> answered = answered(pings);
      int last = answered.stream().mapToInt(Integer::intValue).max().orElseThrow();
      assertEquals(last, answered.size(), () -> "pings are lost: " + pings.output());
    }
  }

  private static Set<Integer> answered(Daemon pings) {
    Set<Integer> answered = new HashSet<>();
    for (Matcher line = SEQUENCE.matcher(pings.output()); line.find(); ) {
      answered.add(Integer.valueOf(line.group(1)));
    }
    return answered;
  }
}
