// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.SideBySide;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Waiting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A mesh that does not rest: per round, in an order by lot, a pod moves there and back, a node
 * without a gateway goes and another one gets its addresses, a node is replaced under its name, an
 * exemption comes and goes, a key is lost and another one changed, and gateways and the API server
 * are killed.
 */
final class MeshChurn {
  /** Of a pod whose node comes and goes, {@link dev.culvert.cli.kit.Way} sends to it. */
  private static final List<String> PASSING_POD = List.of("10.42.77.1", "fd42:77::1");

  /** Of this node itself. */
  static final List<String> PASSING_ADDRESSES = List.of("192.0.2.77", "2001:db8::77");

  static final int EXEMPT_PORT = 9999;

  private static final long SEED = 12;
  private static final Duration A_MOMENT = Duration.ofMillis(300);
  private static final List<String> NAMES = List.of("node-a", "node-b", "node-c");
  private static final String LABEL = "node-restriction.kubernetes.io/plain";
  private static final String EXEMPTIONS = "/apis/culvert.dev/v1alpha1/encryptionexemptions";

  private final Mesh mesh;
  private final MeshEngine engine;
  private final MovingPod pod;
  private final List<String> exemptMarkers;
  private final Random random = new Random(SEED);
  private int rounds;
  private int passing;
  private boolean present;
  private boolean exempt;

  /** One change; the capture sees the wire meanwhile. */
  private interface Change {
    void make(Capture capture);
  }

  /**
   * @param exemptMarkers in packets to the port that is exempt now and then
   */
  MeshChurn(Mesh mesh, MeshEngine engine, List<String> exemptMarkers) {
    this.mesh = mesh;
    this.engine = engine;
    this.exemptMarkers = exemptMarkers;
    pod = new MovingPod(mesh, 1, NAMES.get(1));
  }

  /** Starts the gateways, and waits until all pods meet. */
  void start() {
    mesh.plane.startControllers();
    mesh.allowPods();
    for (int site = 0; site < NAMES.size(); site++) {
      mesh.join(site, NAMES.get(site));
      mesh.addPodOf(site, NAMES.get(site));
    }
    mesh.plane.kubectl("label", "node", NAMES.get(1), LABEL + "=yes").orThrow();
    SideBySide.run(() -> startGateway(0), () -> startGateway(1), () -> startGateway(2));
    passingNode();
    for (int site = 0; site < NAMES.size(); site++) {
      int at = site;
      assertTrue(
          Waiting.until(Mesh.PATIENCE, () -> mesh.peers(at).contains("passing-1")), mesh::state);
    }
    meet();
  }

  private void meet() {
    assertTrue(mesh.connected(0, 1) && mesh.connected(0, 2) && mesh.connected(1, 2), mesh::state);
  }

  private void startGateway(int site) {
    Map<String, String> variables = new HashMap<>(Mesh.RANGES_OF_PODS);
    variables.putAll(engine.variables());
    mesh.start(site, NAMES.get(site), variables);
  }

  private void restartGateway(int site) {
    mesh.kill(site);
    Waiting.pause(A_MOMENT);
    startGateway(site);
  }

  /** Makes all changes, and waits until all pods meet again. */
  void round(Capture capture) {
    List<Change> changes =
        new ArrayList<>(
            List.of(
                wire -> movePod(),
                wire -> movePod(),
                wire -> passingNode(),
                wire -> passingNode(),
                this::exemption,
                this::exemption,
                wire -> replaceNode(),
                wire -> changeKey(),
                wire -> loseKey(),
                wire -> restartGateway(random.nextInt(NAMES.size())),
                wire -> withoutApi()));
    Collections.shuffle(changes, random);
    for (Change change : changes) {
      change.make(capture);
      Waiting.pause(A_MOMENT);
    }
    meet();
    rounds++;
  }

  private void movePod() {
    int to = pod.site() == 1 ? 2 : 1;
    pod.moveTo(to, NAMES.get(to));
  }

  /** A node that comes has the addresses, and its pod those, of the one that went before. */
  private void passingNode() {
    if (present) {
      mesh.deleteNode("passing-" + passing);
      mesh.deletePod("passing");
    } else {
      passing++;
      mesh.joinWithoutGateway("passing-" + passing, engine, random, PASSING_ADDRESSES);
      mesh.addPod("passing", "passing-" + passing, PASSING_POD);
    }
    present = !present;
  }

  private void exemption(Capture capture) {
    if (exempt) {
      mesh.plane.admin().delete(EXEMPTIONS + "/plain").orThrow();
    } else {
      long before = seenExempt(capture);
      mesh.exempt("plain", "UDP", EXEMPT_PORT, LABEL);
      assertTrue(
          Waiting.until(Mesh.PATIENCE, () -> seenExempt(capture) > before), () -> mesh.state());
    }
    exempt = !exempt;
  }

  private long seenExempt(Capture capture) {
    return exemptMarkers.stream().mapToLong(capture::seen).sum();
  }

  /** A new Node has the name, the addresses and the pods of one that was deleted just now. */
  private void replaceNode() {
    mesh.deleteNode(NAMES.get(2));
    mesh.joinAnew(2, NAMES.get(2));
    restartGateway(2);
  }

  private void changeKey() {
    mesh.kill(2);
    mesh.forget(2, "*.old");
    mesh.retireKey(2);
    startGateway(2);
  }

  private void loseKey() {
    int site = random.nextInt(2);
    mesh.kill(site);
    mesh.forget(site, "private.key");
    startGateway(site);
    assertTrue(
        mesh.becomes(
            site, plane -> plane.reasons().stream().anyMatch(r -> r.contains("KeyChanged"))),
        mesh::state);
    mesh.accept(NAMES.get(site));
  }

  private void withoutApi() {
    mesh.plane.apiServer(0).kill();
    restartGateway(random.nextInt(NAMES.size()));
    mesh.plane.start();
  }

  /** For people. */
  String figures() {
    return "%d rounds of changes (seed %d) under %s".formatted(rounds, SEED, engine);
  }
}
