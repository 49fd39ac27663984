// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.routing.Classifier;
import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.Mark;
import dev.culvert.routing.Policy;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.lane.ClusterRoutes;
import dev.culvert.tunnel.lane.LaneEnd;
import dev.culvert.tunnel.lane.Lanes;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The classifier, routes and exemptions of a cluster change together, or not at all. */
final class ClusterTrafficTest {
  private final LaneEnd self =
      new LaneEnd(1, false, 0, AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305), path -> path);
  private final LaneEnd other =
      new LaneEnd(2, false, 0, AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305), path -> path);
  private final ClusterTraffic traffic = new ClusterTraffic(self.engine);
  private final Lanes lanes = new Lanes("cvt", 1, i -> self.lane, failure -> {});

  ClusterTrafficTest() throws IOException {}

  @BeforeEach
  void connect() {
    assumeTrue("root".equals(System.getProperty("user.name")), "raw sockets need root");
    self.connect(other);
  }

  @AfterEach
  void close() {
    lanes.close();
    traffic.close();
    self.close();
    other.close();
  }

  private Classifier classifier(ClusterNode... others) {
    ClusterMap map = ClusterMap.of(List.of(self.node("worker")), List.of());
    for (ClusterNode node : others) {
      map = map.with(node);
    }
    return Classifier.of(map, Policy.STRICT, self.name());
  }

  /** Another node that says it has the same key. */
  private ClusterNode twin() {
    ClusterNode node = other.node("worker");
    return new ClusterNode(
        "twin", node.roles(), node.labels(), List.of(), List.of(), List.of(), node.peer());
  }

  @Test
  void aClassifierThatIsRefusedChangesNeitherRoutesNorMark() throws ErrnoException {
    traffic.use(classifier(other.node("worker")), new Mark(0x10, 0xff), lanes);
    ClusterRoutes before = traffic.routes();
    Classifier doubled = classifier(other.node("worker"), twin());
    assertThrows(
        IllegalArgumentException.class, () -> traffic.use(doubled, new Mark(0x20, 0xff), lanes));
    assertSame(before, traffic.routes());
    assertEquals(0x10, traffic.bypassMark());
  }

  @Test
  void anotherOneIsInForceWithItsMark() throws ErrnoException {
    traffic.use(classifier(), new Mark(0x10, 0xff), lanes);
    ClusterRoutes before = traffic.routes();
    traffic.use(classifier(other.node("worker")), new Mark(0x20, 0xff), lanes);
    assertNotEquals(before, traffic.routes());
    assertEquals(0x20, traffic.bypassMark());
  }
}
