// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Implementation;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Namespaces;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * {@code wg} prints the same of us as of wireguard-go, step after step of the same administration.
 */
@Tag("integration")
final class WgToolTest {
  private static final String FIRST = key();
  private static final String SECOND = key();
  private static final String THIRD = key();

  private static Namespaces namespaces;
  private static WgNode ours;
  private static WgNode theirs;

  @BeforeAll
  static void startBoth() {
    Requirements.namespaces();
    Requirements.tool("wireguard-go");
    long id = ProcessHandle.current().pid() % 100_000;
    namespaces = new Namespaces("cvt-" + id + "-");
    ours = new WgNode(namespaces.create("a"), "cvt" + id + "a", Implementation.underTest());
    theirs = new WgNode(namespaces.create("b"), "cvt" + id + "b", Implementation.packaged());
  }

  @AfterAll
  static void removeAll() {
    if (namespaces != null) {
      namespaces.close();
    }
  }

  private static String key() {
    return WgNode.Keys.generate().publicKey();
  }

  /** Does the same to both, and compares. */
  private static void both(String... arguments) {
    ours.set(arguments);
    theirs.set(arguments);
    same();
  }

  private static void bothFromFile(String verb, String configuration) {
    String file = WgNode.secretFile(configuration).toString();
    ours.wg(verb, ours.device, file);
    theirs.wg(verb, theirs.device, file);
    same();
  }

  private static void same() {
    assertEquals(dump(theirs), dump(ours));
    assertEquals(sorted(theirs.wg("showconf", theirs.device)), sortedConf(ours));
  }

  private static String sortedConf(WgNode node) {
    return sorted(node.wg("showconf", node.device));
  }

  /** The order of peers and of allowed IPs is nobody's promise. */
  private static String dump(WgNode node) {
    return node.wg("show", node.device, "dump")
        .lines()
        .map(line -> line.split("\t", -1))
        .map(WgToolTest::withoutCounters)
        .sorted()
        .collect(Collectors.joining("\n"));
  }

  /** A peer's line: public key, preshared key, endpoint, allowed IPs, three counters, keepalive. */
  private static String withoutCounters(String[] fields) {
    if (fields.length < 8) {
      // The interface's line: the private keys of the two differ.
      return String.join(" ", Arrays.asList(fields).subList(2, fields.length));
    }
    String allowedIps =
        Arrays.stream(fields[3].split(",", -1)).sorted().collect(Collectors.joining(","));
    return String.join(" ", fields[0], fields[1], fields[2], allowedIps, fields[7]);
  }

  private static String sorted(String configuration) {
    return configuration
        .lines()
        .filter(line -> !line.startsWith("PrivateKey"))
        .map(
            line ->
                line.startsWith("AllowedIPs")
                    ? Arrays.stream(line.substring("AllowedIPs = ".length()).split(", ", -1))
                        .sorted()
                        .collect(Collectors.joining(","))
                    : line)
        .sorted()
        .collect(Collectors.joining("\n"));
  }

  @Test
  void everyStepOfAnAdministrationLooksAsWithWireguardGo() {
    String psk = Commands.run("wg", "genpsk").out().strip();
    same();
    bothFromFile(
        "setconf",
        """
        [Interface]
        PrivateKey = %s
        ListenPort = 40001
        FwMark = 0x1234

        [Peer]
        PublicKey = %s
        PresharedKey = %s
        AllowedIPs = 10.0.0.0/8, 10.1.2.3/32, fd00::/16
        Endpoint = 192.0.2.77:1000
        PersistentKeepalive = 25

        [Peer]
        PublicKey = %s
        AllowedIPs = 0.0.0.0/0, ::/0
        Endpoint = [2001:db8::77]:65535
        """
            .formatted(WgNode.Keys.generate().privateKey(), FIRST, psk, SECOND));
    bothFromFile(
        "addconf",
        """
        [Peer]
        PublicKey = %s
        AllowedIPs = 172.16.0.0/12
        """
            .formatted(THIRD));
    // An allowed IP has one owner: it moves.
    both("peer", THIRD, "allowed-ips", "10.1.2.3/32,172.16.0.0/12");
    both("peer", FIRST, "persistent-keepalive", "off", "endpoint", "198.51.100.1:2");
    both("peer", FIRST, "preshared-key", "/dev/null");
    both("peer", SECOND, "allowed-ips", "");
    both("peer", THIRD, "remove");
    both("fwmark", "0");
    both("listen-port", "40002", "fwmark", "1");
    bothFromFile(
        "syncconf",
        """
        [Interface]
        PrivateKey = %s
        ListenPort = 40003

        [Peer]
        PublicKey = %s
        AllowedIPs = 10.9.0.0/16
        """
            .formatted(WgNode.Keys.generate().privateKey(), FIRST));
    both("private-key", "/dev/null");
  }

  @Test
  void allInterfacesAreListed() {
    List<String> interfaces = Arrays.asList(ours.wg("show", "interfaces").strip().split(" ", -1));
    assertTrue(interfaces.contains(ours.device), () -> "listed: " + interfaces);
    assertTrue(ours.wg("show", ours.device).contains("interface: " + ours.device));
  }
}
