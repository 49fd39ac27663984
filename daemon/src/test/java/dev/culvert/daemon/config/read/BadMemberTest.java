// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.culvert.cluster.Snapshots;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.Metadata;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.noise.PublicKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A node of the API with a value that cannot be used costs that node alone: a gateway of each
 * engine goes on following the others, and the bad node's addresses stay the cluster's, so that
 * nothing is sent to them in clear.
 */
final class BadMemberTest {
  private static final IpAddress BAD_ADDRESS = IpAddress.parse("192.0.2.5");
  private static final Prefix BAD_RANGE = Prefix.parse("10.244.5.0/24");

  private static final String FILE =
      """
      apiVersion: culvert.dev/v1alpha1
      kind: Gateway
      spec:
      ENGINE
        interface: {mtu: 1200}
        clusterCIDRs: [10.244.0.0/16]
        discovery: {kubernetes: {nodeName: n1, controlPlane: [192.0.2.100]}}
      """;

  private static final List<String> ENGINES =
      List.of(
          "  engine: wireguard",
          "  engine: esp\n  esp: {keyFile: keys}",
          "  engine: esp\n  esp: {keying: noise}");

  @TempDir private Path directory;

  /** Changes of the status of a good node. */
  private record Bad(String name, Change change) {
    @Override
    public String toString() {
      return name;
    }
  }

  private interface Change {
    void to(Status status);
  }

  /** The fields of a status that a test changes. */
  private static final class Status {
    @Nullable String key = key(5);
    @Nullable Integer espKeyId;
    List<String> endpoints = List.of("192.0.2.5:51820");
    List<String> ranges = List.of(BAD_RANGE.toString());
    List<String> addresses = List.of(BAD_ADDRESS.toString());
    List<String> roles = List.of();
    Map<String, String> labels = Map.of();
  }

  static Stream<Bad> bad() {
    List<Bad> all = new ArrayList<>();
    for (String address :
        List.of(
            "192.0.2.256", "", "fe80::1", "2001:db8::5", "192.0.2.2", "192.0.2.1", "::1", "x")) {
      all.add(new Bad("address " + address, s -> s.addresses = List.of("192.0.2.5", address)));
    }
    for (String range :
        List.of(
            "0.0.0.0/0",
            "::/0",
            "10.244.5.0/33",
            "",
            "10.244.2.0/24",
            "10.244.1.0/24",
            "192.0.2.2/32",
            "192.0.2.100/32",
            "fd00:5::/64",
            "fe80::/64",
            "10.244.0.0/15",
            "10.244.0.0/16")) {
      all.add(new Bad("range " + range, s -> s.ranges = List.of(BAD_RANGE.toString(), range)));
    }
    for (String key : List.of("", "x", "AAAA", key(2), key(9), key(0), "=".repeat(44))) {
      all.add(new Bad("key " + key, s -> s.key = key));
    }
    for (String endpoint :
        List.of(
            "",
            "x",
            "192.0.2.5",
            "192.0.2.5:0",
            "192.0.2.5:65536",
            "example.org:1",
            "[fe80::1%eth0]:51820",
            "[fe80::1]:51820",
            "[2001:db8::5]:51820",
            "fe80::1:51820",
            "224.0.0.1:51820",
            "192.0.2.2:51820")) {
      all.add(new Bad("endpoint " + endpoint, s -> s.endpoints = List.of(endpoint)));
    }
    for (int id : new int[] {-1, 16, Integer.MAX_VALUE}) {
      all.add(new Bad("espKeyId " + id, s -> s.espKeyId = id));
    }
    all.add(new Bad("no key", s -> s.key = null));
    all.add(new Bad("no endpoint", s -> s.endpoints = List.of()));
    all.add(new Bad("roles", s -> s.roles = List.of("", "control-plane", "é\n")));
    all.add(new Bad("labels", s -> s.labels = Map.of("", "x", "node-role.kubernetes.io/", "")));
    return all.stream();
  }

  private static String key(int number) {
    byte[] key = new byte[32];
    key[0] = (byte) number;
    return Base64.getEncoder().encodeToString(key);
  }

  private static CulvertNode node(String name, Status s) {
    return new CulvertNode(
        new Metadata(name, null, "u", "1", 1, null, null, Map.of(), Map.of(), List.of()),
        new CulvertNode.Spec("u", "wireguard", s.key, null, s.endpoints, null),
        new CulvertNode.Status(
            CulvertNode.Phase.ACCEPTED,
            "wireguard",
            s.key,
            s.espKeyId,
            s.endpoints,
            s.ranges,
            s.addresses,
            s.roles,
            s.labels,
            List.of()));
  }

  private static CulvertNode good(int number, String... more) {
    Status status = new Status();
    status.key = key(number);
    status.endpoints = List.of("192.0.2." + number + ":51820");
    status.addresses = List.of("192.0.2." + number);
    List<String> ranges = new ArrayList<>(List.of(more));
    ranges.add("10.244." + number + ".0/24");
    status.ranges = ranges;
    return node("n" + number, status);
  }

  private GatewayConfig read(String engine, List<CulvertNode> nodes)
      throws ConfigException, IOException {
    Path file = directory.resolve("gw.yaml");
    Files.writeString(file, FILE.replace("ENGINE", engine));
    return ConfigFile.open(file, name -> null)
        .parse(
            new KnownCluster(
                Snapshots.of(nodes, List.of(), List.of()),
                Set.of(IpAddress.parse("192.0.2.1")),
                PublicKey.parseBase64(key(9))));
  }

  @ParameterizedTest
  @MethodSource("bad")
  void aBadNodeHindersNoOtherAndIsNotReachedInClear(Bad bad) throws ConfigException, IOException {
    Status status = new Status();
    bad.change().to(status);
    CulvertNode broken = node("n5", status);
    for (String engine : ENGINES) {
      for (String added : List.of("10.244.22.0/24", "10.244.23.0/24")) {
        GatewayConfig config = read(engine, List.of(good(1), good(2, added), good(3), broken));
        ClusterNode changed = config.cluster().map().node("n2");
        assertEquals(
            List.of(Prefix.parse(added), Prefix.parse("10.244.2.0/24")), changed.podCidrs());
        assertNotNull(changed.peer(), engine);
        assertNotNull(config.cluster().map().node("n3").peer(), engine);
        assertFalse(config.peerIds().isEmpty());
        if (status.addresses.contains(BAD_ADDRESS.toString())) {
          assertNotNull(config.cluster().map().claimed(BAD_ADDRESS), engine);
        }
        assertNotNull(config.cluster().map().inCluster(BAD_RANGE.address()), engine);
      }
    }
  }
}
