// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.cluster.ClusterSnapshot.ClusterPolicy;
import dev.culvert.cluster.ClusterSnapshot.Member;
import dev.culvert.cluster.registrar.RangeKind;
import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.config.KubernetesConfig.EmbeddedRegistrar;
import dev.culvert.daemon.config.PeerConfig;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.IpProtocol;
import dev.culvert.routing.NodeSelector;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import dev.culvert.tunnel.noise.PublicKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A configuration with discovery through Kubernetes holds the control plane before the API answers,
 * and the snapshot's nodes, exemptions and policy once it has.
 */
final class KubernetesConfigTest {
  private static final String FILE =
      """
      apiVersion: culvert.dev/v1alpha1
      kind: Gateway
      spec:
        clusterCIDRs: [10.244.0.0/16]
        strict: {accept: [macvlan]}
        exempt:
          - {name: dns, selector: {}, protocol: udp, ports: [53]}
        discovery:
          kubernetes:
            nodeName: a
            controlPlane: [192.0.2.1, 192.0.2.9]
      """;

  @TempDir private Path directory;

  private ConfigFile open(String text, Map<String, String> environment)
      throws ConfigException, IOException {
    return ConfigFile.open(Files.writeString(directory.resolve("gw.yaml"), text), environment::get);
  }

  private GatewayConfig read(ClusterSnapshot snapshot, String... ownAddresses)
      throws ConfigException, IOException {
    return open(FILE, Map.of()).parse(known(snapshot, null, ownAddresses));
  }

  private static KnownCluster known(
      ClusterSnapshot snapshot, @Nullable PublicKey ownKey, String... ownAddresses) {
    return new KnownCluster(
        snapshot,
        List.of(ownAddresses).stream().map(IpAddress::parse).collect(Collectors.toSet()),
        ownKey);
  }

  private static String key(int number) {
    byte[] key = new byte[32];
    key[0] = (byte) number;
    return Base64.getEncoder().encodeToString(key);
  }

  private static Member member(String name, int number) {
    return new Member(
        name,
        Set.of(),
        Map.of(),
        List.of(IpAddress.parse("192.0.2." + number)),
        List.of(Prefix.parse("10.244." + number + ".0/24")),
        key(number),
        0,
        "192.0.2." + number + ":51820");
  }

  private static ClusterSnapshot snapshot(Member... members) {
    return new ClusterSnapshot(List.of(members), Set.of(), null, null, List.of());
  }

  @Test
  void beforeTheApiAnswersTheControlPlaneIsKnownAndExemptAndNothingElseIs()
      throws ConfigException, IOException {
    GatewayConfig config = open(FILE, Map.of()).parse();
    ClusterConfig cluster = config.cluster();
    assertEquals("a", cluster.self());
    assertEquals(ClusterConfig.Scope.OTHER_NODES, cluster.scope());
    assertEquals(List.of(), config.peers());
    assertEquals(
        List.of("a", "control-plane_192.0.2.1", "control-plane_192.0.2.9"),
        cluster.map().nodes().stream().map(ClusterNode::name).toList());
    ClusterNode server = cluster.map().node("control-plane_192.0.2.9");
    assertEquals(Set.of("control-plane"), server.roles());
    assertNull(server.peer(), "nothing can be encrypted for it");
    assertEquals(List.of(), server.podCidrs());
    assertEquals(Set.of(), cluster.map().node("a").roles());
    assertEquals(
        List.of(
            new Exemption(
                "control-plane",
                NodeSelector.role("control-plane"),
                IpProtocol.TCP,
                List.of(new PortRange(2379, 2380), PortRange.of(6443)))),
        cluster.policy().exemptions().subList(0, 1));
    assertEquals(51820, config.listenPort());
  }

  @Test
  void anOwnAddressInTheControlPlaneMakesThisNodeOneOfIt() throws ConfigException, IOException {
    ClusterConfig cluster = read(ClusterSnapshot.EMPTY, "192.0.2.9", "192.0.2.200").cluster();
    assertEquals(Set.of("control-plane"), cluster.map().node("a").roles());
    assertEquals(List.of(IpAddress.parse("192.0.2.9")), cluster.map().node("a").internal());
    assertEquals(-1, cluster.map().indexOf("control-plane_192.0.2.9"));
  }

  @Test
  void theSnapshotsMembersAreNodesAndPeers() throws ConfigException, IOException {
    GatewayConfig config = read(snapshot(member("a", 7), member("b", 8), member("c", 1)));
    ClusterConfig cluster = config.cluster();
    assertEquals(ClusterConfig.Scope.NODES, cluster.scope());
    assertEquals(List.of("b", "c"), config.peers().stream().map(PeerConfig::name).toList());
    PeerConfig peer = config.peers().getFirst();
    assertEquals("192.0.2.8:51820", String.valueOf(peer.endpoint()));
    assertEquals(
        "[10.244.8.0/24, 192.0.2.8/32]", peer.allowedIps().stream().sorted().toList().toString());
    assertEquals(Set.of("control-plane"), cluster.map().node("c").roles(), "it has 192.0.2.1");
    assertEquals(-1, cluster.map().indexOf("control-plane_192.0.2.1"));
    assertTrue(cluster.map().indexOf("control-plane_192.0.2.9") >= 0, "no node has that one");
  }

  @Test
  void aFormerAddressIsANodeThatNothingCanBeEncryptedForUnlessSomebodyHasIt()
      throws ConfigException, IOException {
    Set<IpAddress> former =
        Stream.of("192.0.2.7", "192.0.2.9", "192.0.2.30", "10.244.8.3", "192.0.2.200")
            .map(IpAddress::parse)
            .collect(Collectors.toSet());
    ClusterSnapshot snapshot = snapshot(member("a", 7), member("b", 8)).withFormer(former);
    GatewayConfig config = read(snapshot, "192.0.2.7", "192.0.2.200");
    ClusterNode gone = config.cluster().map().node("former_192.0.2.30");
    assertNull(gone.peer());
    assertEquals(Set.of(), gone.roles());
    assertEquals(List.of(IpAddress.parse("192.0.2.30")), gone.internal());
    assertEquals(
        List.of("a", "b", "control-plane_192.0.2.1", "control-plane_192.0.2.9", gone.name()),
        config.cluster().map().nodes().stream().map(ClusterNode::name).toList(),
        "neither one of this machine, nor a pod's, nor the control plane's");
    assertEquals(List.of("b"), config.peers().stream().map(PeerConfig::name).toList());
  }

  /** Left out as a whole, a member would be reached in clear. */
  @Test
  void aMemberOfWhichAPartCannotBeUsedStaysANodeWithTheRest() throws ConfigException, IOException {
    Member twin =
        new Member(
            "y",
            Set.of(),
            Map.of(),
            List.of(IpAddress.parse("192.0.2.25")),
            List.of(Prefix.parse("10.244.25.0/24")),
            key(7),
            0,
            null);
    Member everything =
        new Member(
            "z",
            Set.of(),
            Map.of(),
            List.of(IpAddress.parse("fe80::9"), IpAddress.parse("192.0.2.26")),
            List.of(Prefix.parse("0.0.0.0/0"), Prefix.parse("10.244.26.0/24")),
            key(3),
            0,
            null);
    ClusterSnapshot snapshot = snapshot(member("a", 7), member("b", 8), twin, everything);
    PublicKey own = PublicKey.parseBase64(key(7));
    GatewayConfig config = open(FILE, Map.of()).parse(known(snapshot, own));
    assertEquals(List.of("b", "z"), config.peers().stream().map(PeerConfig::name).toList());
    ClusterNode y = config.cluster().map().node("y");
    assertNull(y.peer(), "it is reached by no key, nor in clear");
    assertEquals(twin.addresses(), y.internal());
    ClusterNode z = config.cluster().map().node("z");
    assertEquals(List.of(IpAddress.parse("192.0.2.26")), z.internal());
    assertEquals(3, config.warnings().size(), config.warnings()::toString);
  }

  /** The name that an address gets while no node has it is no name of a node of Kubernetes. */
  @Test
  void noNodeHasTheNameOfAnAddressOfTheControlPlane() throws ConfigException, IOException {
    Member named = member("control-plane-192.0.2.9", 8);
    GatewayConfig config = read(snapshot(member("a", 7), named));
    assertEquals(List.of(named.name()), config.peers().stream().map(PeerConfig::name).toList());
  }

  /** Else a node that publishes our key would end all changes here. */
  @Test
  void aMemberWithThisNodesOwnKeyIsNoPeer() throws ConfigException, IOException {
    KnownCluster known =
        known(snapshot(member("b", 8), member("c", 5)), PublicKey.parseBase64(key(5)));
    GatewayConfig config = open(FILE, Map.of()).parse(known);
    assertEquals(List.of("b"), config.peers().stream().map(PeerConfig::name).toList());
  }

  @Test
  void exemptionsAndPolicyOfTheApiStandInPlaceOfTheFilesExceptForTheControlPlanes()
      throws ConfigException, IOException {
    Exemption ntp =
        new Exemption("ntp", NodeSelector.role("x"), IpProtocol.UDP, List.of(PortRange.of(123)));
    ClusterSnapshot weaker =
        new ClusterSnapshot(
            List.of(),
            Set.of(),
            List.of(ntp),
            new ClusterPolicy(
                List.of(Prefix.parse("192.0.2.0/24")),
                Set.of(TrafficClass.POD_TO_POD),
                false,
                true),
            List.of());
    ClusterConfig cluster = read(weaker).cluster();
    assertEquals(
        List.of("control-plane", "ntp"),
        cluster.policy().exemptions().stream().map(Exemption::name).toList());
    assertEquals(Set.of(TrafficClass.POD_TO_POD), cluster.policy().encrypted());
    assertFalse(cluster.policy().strictEgress());
    assertTrue(cluster.policy().strictIngress());
    assertEquals("[macvlan]", cluster.policy().accepted().toString(), "a matter of the machine");
    assertEquals("[10.244.0.0/16, 192.0.2.0/24]", cluster.map().clusterCidrs().toString());
    assertEquals(
        List.of("control-plane", "dns"),
        read(ClusterSnapshot.EMPTY).cluster().policy().exemptions().stream()
            .map(Exemption::name)
            .toList(),
        "never read: the file's");
  }

  @Test
  void anExemptionOfTheApiCannotReplaceTheControlPlanes() throws ConfigException, IOException {
    Exemption other =
        new Exemption(
            "control-plane", NodeSelector.role("x"), IpProtocol.UDP, List.of(PortRange.of(1)));
    GatewayConfig config =
        read(new ClusterSnapshot(List.of(), Set.of(), List.of(other), null, List.of()));
    assertEquals(1, config.cluster().policy().exemptions().size());
    assertNotEquals(other, config.cluster().policy().exemptions().getFirst());
    assertEquals(1, config.warnings().size());
  }

  private static ClusterSnapshot policy(String... clusterCidrs) {
    return new ClusterSnapshot(
        List.of(),
        Set.of(),
        null,
        new ClusterPolicy(
            Stream.of(clusterCidrs).map(Prefix::parse).toList(),
            Set.of(TrafficClass.values()),
            true,
            true),
        List.of());
  }

  @Test
  void theControlPlaneIsOpenToNodesThatJoinInNodeCidrsAndNothingElseIs()
      throws ConfigException, IOException {
    String text =
        FILE.replace("[10.244.0.0/16]", "[10.244.0.0/16, 192.0.2.0/24]")
            + "      nodeCIDRs: [192.0.2.0/24]\n";
    ClusterConfig cluster = open(text, Map.of()).parse().cluster();
    assertEquals("[192.0.2.0/24]", cluster.map().joining().toString());
    assertEquals(
        Map.of("control-plane", true, "dns", false),
        cluster.policy().exemptions().stream()
            .collect(Collectors.toMap(Exemption::name, Exemption::joining)));
    assertFalse(read(ClusterSnapshot.EMPTY).cluster().policy().exemptions().getFirst().joining());
  }

  @Test
  void aNodesNetworkInWhichNoNodeCanJoinIsAWarning() throws ConfigException, IOException {
    String text = FILE.replace("[10.244.0.0/16]", "[10.244.0.0/16, 192.0.2.0/24]");
    assertEquals(
        List.of(
            "clusterCIDRs holds 192.0.2.1 of controlPlane, and nodeCIDRs is empty: nodes that are"
                + " not known yet cannot reach it; name the nodes' networks in nodeCIDRs too"),
        open(text, Map.of()).parse().warnings());
    assertEquals(
        List.of(), open(text + "      nodeCIDRs: [192.0.2.0/24]\n", Map.of()).parse().warnings());
  }

  @Test
  void aRangeOfThePolicyInsideOfNodeCidrsIsNoNodesAndAWarningSaysSo()
      throws ConfigException, IOException {
    ConfigFile file = open(FILE + "      nodeCIDRs: [192.0.2.0/24]\n", Map.of());
    GatewayConfig whole = file.parse(known(policy("192.0.2.0/24"), null));
    assertEquals("[192.0.2.0/24]", whole.cluster().map().joining().toString());
    assertEquals(List.of(), whole.warnings());
    GatewayConfig part = file.parse(known(policy("192.0.2.0/24", "192.0.2.128/25"), null));
    assertEquals("[192.0.2.0/25]", part.cluster().map().joining().toString());
    assertEquals(
        List.of(
            "192.0.2.128/25 of the policy's clusterCIDRs is inside of nodeCIDRs: new nodes there do"
                + " not join; name the networks of nodes alone in nodeCIDRs"),
        part.warnings());
  }

  @Test
  void theNodesNameMayComeFromTheEnvironment() throws ConfigException, IOException {
    String text = FILE.replace("      nodeName: a\n", "");
    assertNotEquals(FILE, text);
    ConfigFile file = open(text, Map.of("NODE_NAME", "worker-3"));
    assertEquals("worker-3", file.parse().cluster().self());
  }

  @Test
  void theApiServersPortIsExemptWhereverItIs() throws ConfigException, IOException {
    String text =
        FILE + "      apiServerPort: 16443\n      registrar: embedded\n      podRanges: calico\n";
    KubernetesConfig config = (KubernetesConfig) open(text, Map.of()).parse().discovery();
    assertEquals(
        new KubernetesConfig(
            List.of(IpAddress.parse("192.0.2.1"), IpAddress.parse("192.0.2.9")),
            16443,
            List.of(new PortRange(2379, 2380), PortRange.of(16443)),
            List.of(),
            null,
            new EmbeddedRegistrar(RangeKind.CALICO, List.of())),
        config);
  }

  @Test
  void theObjectsThatTellPodRangesAreFoundOutUnlessTheyAreNamed()
      throws ConfigException, IOException {
    for (String line : List.of("", "      podRanges: auto\n")) {
      String text = FILE + "      registrar: embedded\n" + line;
      assertTrue(
          open(text, Map.of()).parse().discovery() instanceof KubernetesConfig kubernetes
              && new EmbeddedRegistrar(RangeKind.AUTO, List.of()).equals(kubernetes.registrar()));
    }
  }

  /** Without its own address a node of ESP names none of its peers, so nothing is sealed. */
  @Test
  void aNodeOfEspHasPeersOnceItIsKnownItself() throws ConfigException, IOException {
    String text = FILE.replace("spec:\n", "spec:\n  engine: esp\n  esp: {keyFile: keys}\n");
    ConfigFile file = open(text, Map.of());
    KnownCluster before = known(snapshot(member("b", 8)), null);
    assertEquals(0, file.parse(before).peerCount());
    GatewayConfig after = file.parse(known(snapshot(member("a", 7), member("b", 8)), null));
    EspConfig esp = (EspConfig) after.engine();
    assertEquals("[192.0.2.7]", esp.nodeAddresses().toString());
    assertEquals("192.0.2.8:51820", esp.peers().getFirst().endpoint().toString());
  }
}
