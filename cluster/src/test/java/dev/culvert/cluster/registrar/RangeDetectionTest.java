// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.ResourceKind;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** Which objects tell the ranges, if no setting says it. */
class RangeDetectionTest {
  private final FakeKube kube = new FakeKube();
  private final FakeKube.Client client = kube.new Client("r");

  private static final String CIDRS = ",\"spec\":{\"podCIDRs\":[\"10.1.0.0/24\"]}";

  RangeDetectionTest() {
    kube.unserved.add(ResourceKind.CALICO_BLOCKS);
    kube.unserved.add(ResourceKind.CILIUM_NODES);
  }

  private <T extends KubeObject> void put(ResourceKind<T> kind, String rest) {
    put(kind, "x", rest);
  }

  private <T extends KubeObject> void put(ResourceKind<T> kind, String name, String rest) {
    kube.unserved.remove(kind);
    kube.put(
        kind,
        JsonMapper.shared()
            .readValue("{\"metadata\":{\"name\":\"" + name + "\"}" + rest + "}", kind.type()));
  }

  private void nodes(int from, int to, String rest) {
    for (int i = from; i < to; i++) {
      put(ResourceKind.NODES, "n" + i, rest);
    }
  }

  private void podOn(String node) {
    put(
        ResourceKind.PODS,
        "pod-on-" + node,
        ",\"spec\":{\"nodeName\":\""
            + node
            + "\"},\"status\":{\"podIPs\":[{\"ip\":\"10.5.0.1\"}]}");
  }

  @Test
  void oneKubeletTurnsNoClusterWhosePodsTellTheRanges() throws KubeException {
    nodes(0, 3, "");
    nodes(3, 4, CIDRS);
    podOn("n3");
    assertNull(find().kind(), "its own Pods prove nothing");
    podOn("n0");
    assertNull(find().kind());
    assertTrue(find().why().contains("podRanges"), find().why());
    podOn("n1");
    assertEquals(RangeKind.PODS, find().kind());
    assertTrue(find().why().contains("1 of 4 Nodes have podCIDRs"), find().why());
  }

  @Test
  void oneNodeWithoutPodCidrsTurnsNoClusterThatHasThem() throws KubeException {
    nodes(0, 3, CIDRS);
    nodes(3, 4, "");
    podOn("n3");
    assertEquals(RangeKind.NODES, find().kind());
  }

  private RangeDetection.Finding find() throws KubeException {
    return new RangeDetection(client).find();
  }

  @Test
  void podCidrsOfNodesAreTaken() throws KubeException {
    put(ResourceKind.NODES, "");
    assertNull(find().kind());
    put(ResourceKind.NODES, ",\"spec\":{\"podCIDRs\":[\"10.1.0.0/24\"]}");
    assertEquals(RangeKind.NODES, find().kind());
  }

  @Test
  void calicosBlocksCountThoughNodesHavePodCidrsToo() throws KubeException {
    put(ResourceKind.NODES, ",\"spec\":{\"podCIDRs\":[\"10.1.0.0/24\"]}");
    put(ResourceKind.CALICO_BLOCKS, ",\"spec\":{\"cidr\":\"10.2.0.0/26\"}");
    assertEquals(RangeKind.CALICO, find().kind());
  }

  @Test
  void asLongAsCalicoHasNoBlockNothingIsSure() throws KubeException {
    put(ResourceKind.NODES, ",\"spec\":{\"podCIDRs\":[\"10.1.0.0/24\"]}");
    kube.unserved.remove(ResourceKind.CALICO_BLOCKS);
    assertNull(find().kind());
    assertTrue(find().why().contains("Calico"), find().why());
  }

  @Test
  void ciliumNodesCount() throws KubeException {
    put(ResourceKind.CILIUM_NODES, "");
    assertEquals(RangeKind.CILIUM, find().kind());
  }

  @Test
  void podsCountIfNodesHaveNoRanges() throws KubeException {
    put(ResourceKind.NODES, "");
    put(
        ResourceKind.PODS,
        ",\"spec\":{\"nodeName\":\"x\",\"hostNetwork\":true},\"status\":{\"podIPs\":[{\"ip\":\"10.0.0.1\"}]}");
    assertNull(find().kind(), "a pod on the host's network has no address of its own");
    put(
        ResourceKind.PODS,
        ",\"spec\":{\"nodeName\":\"x\"},\"status\":{\"podIPs\":[{\"ip\":\"10.5.0.1\"}]}");
    assertEquals(RangeKind.PODS, find().kind());
  }

  @Test
  void whatMayNotBeReadIsAnError() {
    client.reads = FakeKube.Fault.FORBIDDEN;
    assertThrows(KubeException.class, this::find);
  }
}
