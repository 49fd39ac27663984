// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.GlobalKeyingConfig;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.ManualKeyingConfig;
import dev.culvert.daemon.config.NoiseKeyingConfig;
import dev.culvert.daemon.config.PeerConfig;
import dev.culvert.daemon.config.ready.EspPeers;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.IpProtocol;
import dev.culvert.routing.NodeSelector;
import dev.culvert.routing.Policy;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.esp.EspPeerSettings.Binding;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The YAML and the wg format are read whole, with their defaults, and a refused configuration names
 * file, line, key and reason.
 */
final class ConfigFileTest {
  private static final String PRIVATE = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
  private static final String PEER = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

  @TempDir private Path directory;

  private static Path resources() throws URISyntaxException {
    return Path.of(Objects.requireNonNull(ConfigFileTest.class.getResource("refused")).toURI());
  }

  /** One file per reason, named after it; its first line is the expected message. */
  static Stream<String> refused() throws IOException, URISyntaxException {
    try (Stream<Path> files = Files.list(resources())) {
      return files.map(f -> f.getFileName().toString()).sorted().toList().stream();
    }
  }

  private Path file(String name, String text) throws IOException {
    Path file = directory.resolve(name);
    Files.writeString(file, text);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  @ParameterizedTest
  @MethodSource("refused")
  void aRefusalNamesFileLineKeyAndReason(String fixture) throws IOException, URISyntaxException {
    String text = Files.readString(resources().resolve(fixture));
    String expected = text.lines().findFirst().orElseThrow().substring("# expected: ".length());
    String name = fixture.endsWith(".conf") ? "wg0.conf" : fixture;
    Path file = file(name, text);
    ConfigException refusal = assertThrows(ConfigException.class, () -> ConfigFile.read(file));
    assertEquals(file + expected, refusal.getMessage());
  }

  @Test
  void theSampleIsReadWhole() throws ConfigException {
    GatewayConfig config = ConfigFile.read(Path.of("src/main/dist/culvert.yaml"));
    assertEquals("culvert0", config.interfaceName());
    assertEquals(1420, config.mtu());
    assertEquals("[10.66.0.1/24, fd66::1/64]", config.addresses().toString());
    assertEquals(51820, config.listenPort());
    assertEquals(0, config.fwmark());
    assertTrue(config.routes());
    assertEquals("[10.66.0.0/16, fd66::/48]", config.cluster().map().clusterCidrs().toString());
    PeerConfig peer = config.peers().getFirst();
    assertEquals("node-b", peer.name());
    assertEquals(PEER, peer.publicKey().toString());
    assertEquals("192.0.2.2:51820", String.valueOf(peer.endpoint()));
    assertEquals(25, peer.persistentKeepalive());
    assertEquals(
        List.of(
            Prefix.parse("10.66.0.2/32"),
            Prefix.parse("10.66.2.0/24"),
            Prefix.parse("fd66:0:0:2::/64")),
        peer.allowedIps().stream().sorted().toList());
  }

  /** Both ends have to name each other alike, whatever the order in which addresses stand. */
  @Test
  void nodesOfEspKnowEachOtherByTheFirstAddressOfTheBetterFamilyThatBothHave()
      throws ConfigException, IOException {
    String nodes =
        """
        apiVersion: culvert.dev/v1alpha1
        kind: Gateway
        spec:
          engine: esp
          esp: {keyFile: keys}
          interface: {listenPort: 4501}
          node: %s
          clusterCIDRs: [10.42.0.0/16]
          nodes:
            - {name: a, internal: ["2001:db8::1", 192.0.2.1, 192.0.2.11], podCIDRs: [10.42.1.0/24]}
            - {name: b, internal: [192.0.2.2, "2001:db8::2"], podCIDRs: [10.42.2.0/24, "fd42::/64"]}
            - {name: c, internal: ["2001:db8::3"], endpoint: "[2001:db8::33]:9"}
            - {name: d, internal: [192.0.2.4]}
            - {name: e}
        """;
    EspConfig ofA = esp(nodes.formatted("a"));
    assertEquals("[192.0.2.1, 2001:db8::1]", ofA.nodeAddresses().toString());
    assertEquals(Binding.NODES, ofA.binding());
    assertEquals("b 192.0.2.2 192.0.2.2:4501", peer(ofA, 0));
    assertEquals("c 2001:db8::3 [2001:db8::33]:9", peer(ofA, 1));
    assertEquals("d 192.0.2.4 192.0.2.4:4501", peer(ofA, 2));
    assertEquals(3, ofA.peers().size(), "e cannot be reached");
    ClusterConfig cluster = ConfigFile.read(file("nodes.yaml", nodes.formatted("a"))).cluster();
    assertEquals(
        "[192.0.2.2, 2001:db8::2]",
        new EspPeers(ofA, cluster).numeric().getFirst().addresses().toString(),
        "where b may be");
    EspConfig ofC = esp(nodes.formatted("c"));
    assertEquals("[2001:db8::3]", ofC.nodeAddresses().toString());
    assertEquals("a 2001:db8::1 [2001:db8::1]:4501", peer(ofC, 0));
    assertEquals("b 2001:db8::2 [2001:db8::2]:4501", peer(ofC, 1));
    assertEquals(2, ofC.peers().size(), "d and this node have no family in common");
    GatewayConfig config = ConfigFile.read(file("nodes.yaml", nodes.formatted("c")));
    assertEquals(
        Arrays.asList("a", "b", "c", null, null),
        config.cluster().map().nodes().stream().map(ClusterNode::peer).toList());
    assertEquals(
        Set.of("192.0.2.2/32", "2001:db8::2/128", "10.42.2.0/24", "fd42::/64"),
        ofA.peers().getFirst().allowedIps().stream().map(Prefix::toString).collect(toSet()));
  }

  @Test
  void aNodeOfEspKeyedByNoiseThatHasNoKeyYetHasNoPeer() throws ConfigException, IOException {
    GatewayConfig config =
        ConfigFile.read(
            file(
                "nodes.yaml",
                """
                apiVersion: culvert.dev/v1alpha1
                kind: Gateway
                spec:
                  engine: esp
                  esp: {keying: noise}
                  node: a
                  nodes:
                    - {name: a, internal: [192.0.2.1]}
                    - {name: b, internal: [192.0.2.2], publicKey: %s, persistentKeepalive: 25}
                    - {name: c, internal: [192.0.2.3]}
                """
                    .formatted(PEER)));
    EspConfig esp = assertInstanceOf(EspConfig.class, config.engine());
    NoiseKeyingConfig.Peer peer =
        assertInstanceOf(NoiseKeyingConfig.class, esp.keying()).peers().getFirst();
    assertEquals("b", peer.name());
    assertEquals(PEER, peer.publicKey().toString());
    assertEquals(25, peer.persistentKeepalive());
    assertEquals(1, esp.peers().size());
    assertEquals(
        Arrays.asList(null, "b", null),
        config.cluster().map().nodes().stream().map(ClusterNode::peer).toList());
  }

  @Test
  void aNodeIsHeardOnlyAtItsAddressesUnlessItsEndpointIsANameOrUnknown() throws Exception {
    GatewayConfig config =
        ConfigFile.read(
            file(
                "nodes.yaml",
                """
                apiVersion: culvert.dev/v1alpha1
                kind: Gateway
                spec:
                  node: a
                  nodes:
                    - {name: a, internal: [192.0.2.1]}
                    - {name: b, internal: [192.0.2.2], external: [198.51.100.2], publicKey: %s}
                    - {name: c, internal: [192.0.2.3], endpoint: "[fe80::3%%lo]:9", publicKey: %s}
                    - {name: d, internal: [192.0.2.4], endpoint: "203.0.113.4:9", publicKey: %s}
                    - {name: e, internal: [192.0.2.5], endpoint: "e.example:9", publicKey: %s}
                    - {name: f, podCIDRs: [10.1.6.0/24], publicKey: %s}
                """
                    .formatted(keys(5))));
    Map<String, String> addresses = new TreeMap<>();
    config
        .peers()
        .forEach(
            peer -> addresses.put(peer.name(), new TreeSet<>(texts(peer.addresses())).toString()));
    assertEquals(
        Map.of(
            "b", "[192.0.2.2, 198.51.100.2]",
            "c", "[192.0.2.3, fe80::3]",
            "d", "[192.0.2.4, 203.0.113.4]",
            "e", "[]",
            "f", "[]"),
        addresses);
  }

  private static List<String> texts(Set<IpAddress> addresses) {
    return addresses.stream().map(IpAddress::toString).toList();
  }

  /** Different public keys. */
  private static Object[] keys(int count) {
    return IntStream.rangeClosed(1, count)
        .mapToObj(
            i -> {
              byte[] key = new byte[32];
              key[0] = (byte) i;
              return Base64.getEncoder().encodeToString(key);
            })
        .toArray();
  }

  private EspConfig esp(String text) throws ConfigException, IOException {
    return assertInstanceOf(EspConfig.class, ConfigFile.read(file("nodes.yaml", text)).engine());
  }

  private static String peer(EspConfig esp, int index) {
    EspConfig.Peer peer = esp.peers().get(index);
    return peer.name() + " " + peer.address() + " " + peer.endpoint();
  }

  @Test
  void theEspSampleIsReadWhole() throws ConfigException {
    GatewayConfig config = ConfigFile.read(Path.of("src/main/dist/culvert-esp.yaml"));
    assertEquals(4500, config.listenPort());
    EspConfig esp = assertInstanceOf(EspConfig.class, config.engine());
    assertEquals("[192.0.2.1]", esp.nodeAddresses().toString());
    assertEquals("[10.66.1.0/24]", esp.localRanges().toString());
    assertTrue(esp.esn());
    assertEquals(new GlobalKeyingConfig(Path.of("/var/lib/culvert/esp.keys")), esp.keying());
    EspConfig.Peer peer = esp.peers().getFirst();
    assertEquals("node-b", peer.name());
    assertEquals(List.of(Prefix.parse("10.66.2.0/24")), peer.allowedIps());
    assertEquals("192.0.2.2:4500", peer.endpoint().toString());
    assertEquals(null, peer.address());
    assertEquals(0, peer.natKeepalive());
  }

  @Test
  void aKeepaliveIsOfThePeerAndWithHandshakesOfTheirs() throws Exception {
    String text = Files.readString(Path.of("src/main/dist/culvert-esp.yaml"));
    String with = text.replace("      # persistentKeepalive: 25", "      persistentKeepalive: 25");
    EspConfig global =
        assertInstanceOf(EspConfig.class, ConfigFile.read(file("k.yaml", with)).engine());
    assertEquals(25, global.peers().getFirst().natKeepalive());
    String noise =
        with.replace("keying: global", "keying: noise")
            .replace("    keyFile: /var/lib/culvert/esp.keys\n", "")
            .replace("  # identity:", "  identity:")
            .replace("      # publicKey:", "      publicKey:");
    EspConfig shaken =
        assertInstanceOf(EspConfig.class, ConfigFile.read(file("n.yaml", noise)).engine());
    assertEquals(0, shaken.peers().getFirst().natKeepalive());
    assertEquals(
        25,
        assertInstanceOf(NoiseKeyingConfig.class, shaken.keying())
            .peers()
            .getFirst()
            .persistentKeepalive());
  }

  @Test
  void manualSasAreReadWithDirectionAndSpi() throws Exception {
    Path file =
        file(
            "m.yaml",
            """
            apiVersion: culvert.dev/v1alpha1
            kind: Gateway
            spec:
              engine: esp
              esp: {keying: manual, esn: false}
              internal: ["2001:db8::1"]
              podCIDRs: []
              peers:
                - {name: b, endpoint: "[2001:db8::2]:4500", address: "2001:db8::3", allowedIps: [],
                   inbound: {spi: 0x100, keyFile: in}, outbound: {spi: 0xffffffff, keyFile: /out}}
            """);
    EspConfig esp = assertInstanceOf(EspConfig.class, ConfigFile.read(file).engine());
    assertFalse(esp.esn());
    ManualKeyingConfig keys = assertInstanceOf(ManualKeyingConfig.class, esp.keying());
    ManualKeyingConfig.Sa in = keys.sas().getFirst();
    ManualKeyingConfig.Sa out = keys.sas().getLast();
    assertEquals(0x100, in.spi());
    assertFalse(in.outbound());
    assertEquals(directory.resolve("in"), in.file());
    assertEquals(-1, out.spi());
    assertTrue(out.outbound());
    assertEquals(Path.of("/out"), out.file());
    assertEquals("2001:db8::3", String.valueOf(esp.peers().getFirst().address()));
  }

  @Test
  void peersOfTheNoiseKeyingHaveKeysOfTheirOwn() throws Exception {
    GatewayConfig config =
        ConfigFile.read(
            file(
                "n.yaml",
                """
                apiVersion: culvert.dev/v1alpha1
                kind: Gateway
                spec:
                  engine: esp
                  identity: {privateKeyFile: own.key}
                  esp: {keying: noise}
                  internal: [192.0.2.1]
                  podCIDRs: [10.66.1.0/24]
                  peers:
                    - {name: b, endpoint: "192.0.2.2:4500", allowedIps: [], publicKey: "%s",
                       presharedKeyFile: b.psk, persistentKeepalive: 25}
                """
                    .formatted(PEER)));
    KeySource.InFile own = assertInstanceOf(KeySource.InFile.class, config.privateKey());
    assertEquals(directory.resolve("own.key"), own.path());
    EspConfig esp = assertInstanceOf(EspConfig.class, config.engine());
    assertTrue(esp.esn());
    NoiseKeyingConfig.Peer peer =
        assertInstanceOf(NoiseKeyingConfig.class, esp.keying()).peers().getFirst();
    assertEquals("b", peer.name());
    assertEquals(PEER, peer.publicKey().toString());
    assertEquals(25, peer.persistentKeepalive());
    KeySource.InFile shared = assertInstanceOf(KeySource.InFile.class, peer.presharedKey());
    assertEquals(directory.resolve("b.psk"), shared.path());
  }

  @Test
  void nodesArePeersThatOwnTheirAddressesAndPods() throws Exception {
    file(
        "more.yaml",
        """
        apiVersion: culvert.dev/v1alpha1
        kind: Nodes
        nodes:
          - {name: c, podCIDRs: [10.1.3.0/24], labels: {zone: far}}
        """);
    GatewayConfig config =
        ConfigFile.read(
            file(
                "cluster.yaml",
                """
                apiVersion: culvert.dev/v1alpha1
                kind: Gateway
                spec:
                  node: a
                  nodes:
                    - {name: a, roles: [control-plane], internal: [192.0.2.1], publicKey: %1$s}
                    - name: b
                      internal: [192.0.2.2]
                      external: ['2001:db8::2']
                      podCIDRs: [10.1.2.0/24]
                      publicKey: %1$s
                  discovery: {file: more.yaml}
                  clusterCIDRs: [10.1.0.0/16]
                  strict: {ingress: false}
                  encrypt: {podToNode: false}
                  exempt:
                    - name: dns
                      selector: {labels: {zone: far}}
                      protocol: udp
                      ports: [53, 1000-2000]
                """
                    .formatted(PEER)));
    ClusterConfig cluster = config.cluster();
    assertEquals("a", cluster.self());
    assertEquals(ClusterConfig.Scope.NODES, cluster.scope());
    assertEquals(
        List.of("a", "b", "c"), cluster.map().nodes().stream().map(ClusterNode::name).toList());
    assertNull(cluster.map().node("c").peer(), "it has no identity yet");
    PeerConfig peer = config.peers().getFirst();
    assertEquals(1, config.peers().size(), "neither itself nor who has no key");
    assertEquals("b", peer.name());
    assertEquals("192.0.2.2:51820", String.valueOf(peer.endpoint()));
    assertEquals(
        "[10.1.2.0/24, 192.0.2.2/32, 2001:db8::2/128]",
        peer.allowedIps().stream().sorted().toList().toString());
    Policy policy = cluster.policy();
    assertTrue(policy.strictEgress());
    assertFalse(policy.strictIngress());
    assertEquals("[pod-to-node, node-to-pod]", policy.inClear().toString());
    assertEquals(
        List.of(
            new Exemption(
                "dns",
                new NodeSelector(Set.of(), Map.of("zone", "far")),
                IpProtocol.UDP,
                List.of(PortRange.of(53), new PortRange(1000, 2000)))),
        policy.exemptions());
  }

  @Test
  void aNodeListensWhereTheOtherNodesSendTo() throws Exception {
    String nodes =
        """
        apiVersion: culvert.dev/v1alpha1
        kind: Gateway
        spec:
          node: a
          nodes: [{name: a}, {name: b, internal: [192.0.2.2], publicKey: %s}]
        """
            .formatted(PEER);
    GatewayConfig config = ConfigFile.read(file("n.yaml", nodes));
    int sentTo = Objects.requireNonNull(config.peers().getFirst().endpoint()).port();
    assertEquals(sentTo, config.listenPort());
    String chosen = nodes + "  interface: {listenPort: %d}\n";
    assertEquals(7, ConfigFile.read(file("n.yaml", chosen.formatted(7))).listenPort());
    assertEquals(0, ConfigFile.read(file("n.yaml", chosen.formatted(0))).listenPort());
  }

  @Test
  void theFormerKeyOfTheClustersRangesIsReadWithAWarning() throws Exception {
    String text = "apiVersion: culvert.dev/v1alpha1\nkind: Gateway\nspec:\n  %s\n";
    Path file = file("c.yaml", text.formatted("cluster: {cidrs: [10.42.0.0/16]}"));
    GatewayConfig former = ConfigFile.read(file);
    assertEquals(
        List.of(
            file + ":4: spec.cluster.cidrs: this key is now 'spec.clusterCIDRs'; it is still read"),
        former.warnings());
    GatewayConfig now =
        ConfigFile.read(file("c.yaml", text.formatted("clusterCIDRs: [10.42.0.0/16]")));
    assertEquals(List.of(), now.warnings());
    assertEquals(now.cluster().map().clusterCidrs(), former.cluster().map().clusterCidrs());
    assertEquals("[10.42.0.0/16]", now.cluster().map().clusterCidrs().toString());
  }

  @Test
  void aFileOfPeersSaysItsOwnAddressesAndPodsAsAnEntryOfANodeDoes() throws Exception {
    for (String engine : List.of("engine: wireguard", "engine: esp\n  esp: {keyFile: keys}")) {
      Path file =
          file(
              "p.yaml",
              """
              apiVersion: culvert.dev/v1alpha1
              kind: Gateway
              spec:
                internal: [192.0.2.1, "2001:db8::1"]
                podCIDRs: [10.42.1.0/24]
                %s
              """
                  .formatted(engine));
      ClusterConfig cluster = ConfigFile.read(file).cluster();
      ClusterNode self = cluster.map().node(cluster.self());
      assertEquals("[192.0.2.1, 2001:db8::1]", self.internal().toString(), engine);
      assertEquals("[10.42.1.0/24]", self.podCidrs().toString(), engine);
    }
  }

  @Test
  void anAbsentFileOfNodesIsNamed() throws IOException {
    Path file =
        file(
            "lost.yaml",
            """
            apiVersion: culvert.dev/v1alpha1
            kind: Gateway
            spec:
              node: a
              discovery: {file: lost/nodes.yaml}
            """);
    ConfigException refusal = assertThrows(ConfigException.class, () -> ConfigFile.read(file));
    assertEquals(
        directory.resolve("lost/nodes.yaml") + ": the file does not exist", refusal.getMessage());
  }

  @Test
  void whatIsLeftOutHasDefaults() throws Exception {
    GatewayConfig config =
        ConfigFile.read(
            file("a.yaml", "apiVersion: culvert.dev/v1alpha1\nkind: Gateway\nspec: {}\n"));
    assertEquals("culvert0", config.interfaceName());
    assertEquals(0, config.listenPort(), "peers are told of any port");
    assertEquals(0, config.mtu());
    assertTrue(config.routes());
    KeySource.InFile key = assertInstanceOf(KeySource.InFile.class, config.privateKey());
    assertEquals(Path.of("/var/lib/culvert/culvert0/private.key"), key.path());
  }

  @Test
  void wgFormatIsReadAsWgQuickReadsIt() throws Exception {
    GatewayConfig config =
        ConfigFile.read(
            file(
                "wg7.conf",
                "# ours\n[Interface]\nprivatekey="
                    + PRIVATE
                    + " # secret\nAddress = 10.0.0.1/24, fd00::1\nAddress = 10.0.1.1\n"
                    + "MTU = 1400\nListenPort=7\nFwMark = 0x10\nTable = off\n\n[peer]\nPublicKey = "
                    + PEER
                    + "\nAllowedIPs = 0.0.0.0/0,::/0\nAllowedIPs =\nEndpoint = host.example:9\n"
                    + "PersistentKeepalive = off\nPresharedKey = "
                    + PRIVATE
                    + "\n"));
    assertEquals("wg7", config.interfaceName());
    assertEquals("[10.0.0.1/24, fd00::1/128, 10.0.1.1/32]", config.addresses().toString());
    assertEquals(1400, config.mtu());
    assertEquals(7, config.listenPort());
    assertEquals(16, config.fwmark());
    assertFalse(config.routes());
    PeerConfig peer = config.peers().getFirst();
    assertEquals("[0.0.0.0/0, ::/0]", peer.allowedIps().toString());
    assertEquals("host.example:9", String.valueOf(peer.endpoint()));
    SecretBytes expected = SecretBytes.owning(Base64.getDecoder().decode(PRIVATE));
    assertEquals(new KeySource.Inline(expected), config.privateKey());
    assertEquals(new KeySource.Inline(expected), peer.presharedKey());
    assertFalse(config.toString().contains(PRIVATE));
  }

  @Test
  void theKeysOfAPeerInWgFormatHaveNoOrder() throws Exception {
    List<String> lines =
        List.of(
            "PublicKey = " + PEER,
            "PresharedKey = " + PRIVATE,
            "Endpoint = 192.0.2.2:9",
            "AllowedIPs = 10.0.0.0/8, 10.9.0.0/16",
            "PersistentKeepalive = 25");
    PeerConfig usual = wgPeer(lines);
    assertEquals(25, usual.persistentKeepalive());
    for (int first = 1; first < lines.size(); first++) {
      List<String> turned = new ArrayList<>(lines);
      Collections.rotate(turned, first);
      PeerConfig peer = wgPeer(turned);
      assertEquals(usual.publicKey(), peer.publicKey());
      assertEquals(usual.presharedKey(), peer.presharedKey());
      assertEquals(String.valueOf(usual.endpoint()), String.valueOf(peer.endpoint()));
      assertEquals(usual.allowedIps(), peer.allowedIps());
      assertEquals(usual.persistentKeepalive(), peer.persistentKeepalive());
    }
  }

  private PeerConfig wgPeer(List<String> lines) throws IOException, ConfigException {
    String text =
        "[Interface]\nPrivateKey = " + PRIVATE + "\n[Peer]\n" + String.join("\n", lines) + "\n";
    return ConfigFile.read(file("wg0.conf", text)).peers().getFirst();
  }

  /** Base64 ends with an equals sign, so that a key without its name looks like a name. */
  @Test
  void aSecretKeyInThePlaceOfANameIsNotShown() throws IOException {
    for (String section : List.of("[Interface]", "[Peer]")) {
      for (String line : List.of("PrivateKey: " + PRIVATE, PRIVATE, "PresharedKey " + PRIVATE)) {
        Path file = file("wg0.conf", section + "\n" + line + "\n");
        ConfigException refusal = assertThrows(ConfigException.class, () -> ConfigFile.read(file));
        String said = String.valueOf(refusal.getMessage());
        assertTrue(said.contains(":2: "), said);
        assertFalse(said.contains(PRIVATE.substring(0, 8)), said);
      }
    }
  }

  @Test
  void aFileWithSecretsThatOthersCanReadIsRefused() throws IOException {
    Path file = file("wg0.conf", "[Interface]\nPrivateKey = " + PRIVATE + "\n");
    for (String mode : List.of("rw-r-----", "rw----r--", "rw--w----")) {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
      ConfigException refusal = assertThrows(ConfigException.class, () -> ConfigFile.read(file));
      assertEquals(
          file
              + ": "
              + file
              + ": mode "
              + mode
              + " lets group or others at it; make it 0600, or 0400 for a mounted secret",
          refusal.getMessage());
    }
  }

  @Test
  void aFileThatIsTooLargeAbsentNoTextOrOfNoFormatIsRefused() throws IOException {
    Path large = file("large.yaml", " ".repeat(ConfigFile.MAX_BYTES + 1));
    Path binary = directory.resolve("binary.yaml");
    Files.write(binary, new byte[] {(byte) 0xff, (byte) 0xfe});
    assertRefused(large, ": " + large + " is larger than 8388608 bytes");
    assertRefused(binary, ": is not UTF-8 text");
    assertRefused(directory.resolve("none.yaml"), ": the file does not exist");
    assertRefused(file("empty.yaml", ""), ": the file is empty");
    assertRefused(
        file("a.txt", ""), ": a configuration is called .yaml, or .conf in the format of wg(8)");
    assertRefused(
        file("name-of-seventeen.conf", ""),
        ": 'name-of-seventeen' is no interface name (1 to 15 of A-Z a-z 0-9 _ = + . -)");
  }

  private static void assertRefused(Path file, String reason) {
    ConfigException refusal = assertThrows(ConfigException.class, () -> ConfigFile.read(file));
    assertEquals(file + reason, refusal.getMessage());
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void damageIsRefusedOrReadAndNeverThrowsAnythingElse(long seed) throws Exception {
    Random random = new Random(seed);
    byte[] sample = Files.readAllBytes(Path.of("src/main/dist/culvert.yaml"));
    byte[] conf =
        ("[Interface]\nPrivateKey = "
                + PRIVATE
                + "\nAddress = 10.0.0.1/8\n[Peer]\nPublicKey = "
                + PEER
                + "\nAllowedIPs = 10.0.0.0/8, fd00::/8\nEndpoint = [::1]:7\n")
            .getBytes(StandardCharsets.US_ASCII);
    int refusals = 0;
    for (int round = 0; round < 300; round++) {
      boolean yaml = random.nextBoolean();
      byte[] text = (yaml ? sample : conf).clone();
      for (int i = random.nextInt(6); i >= 0; i--) {
        int at = random.nextInt(text.length);
        text[at] =
            random.nextBoolean() ? (byte) random.nextInt(256) : text[random.nextInt(text.length)];
      }
      Path file = file(yaml ? "a.yaml" : "a.conf", "");
      Files.write(file, text);
      try {
        ConfigFile.read(file);
      } catch (ConfigException e) {
        refusals++;
      }
    }
    assertTrue(refusals > 10);
  }
}
