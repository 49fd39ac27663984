// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.cli.gateway.OperatorFiles.Needs;
import dev.culvert.cli.gateway.OperatorFiles.Query;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.cli.kit.TestPrometheus;
import dev.culvert.cli.kit.TestPrometheus.Target;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * A real Prometheus scrapes two gateways, whose alerts fire by the faults that they name; their
 * times are shortened. Each test mends its fault. Gateway b has a certificate that expires soon,
 * and gateway a two peers that do not exist.
 */
@Tag("integration")
@Tag("soak")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class AlertsTest {
  /** Lets a program run for which setsockopt refuses UDP_SEGMENT and UDP_GRO, by seccomp. */
  private static final String REFUSE_UDP_OFFLOADS =
      """
      import ctypes, os, platform, struct, sys

      SETSOCKOPT = {"x86_64": 54, "aarch64": 208}[platform.machine()]
      LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
      code = [
          (LOAD, 0, 0, 0), (EQUAL, 0, 6, SETSOCKOPT),
          (LOAD, 0, 0, 24), (EQUAL, 0, 4, 17),  # SOL_UDP
          (LOAD, 0, 0, 32), (EQUAL, 1, 0, 103), (EQUAL, 0, 1, 104),
          (RETURN, 0, 0, 0x00050000 | 92),  # ENOPROTOOPT
          (RETURN, 0, 0, 0x7FFF0000),
      ]
      program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
      filters = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code), ctypes.addressof(program)))
      libc = ctypes.CDLL(None, use_errno=True)
      if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, filters, 0, 0):
          sys.exit(os.strerror(ctypes.get_errno()))
      os.execv(sys.argv[1], sys.argv[1:])
      """;

  /** Sends more than a lane can seal: 40 datagrams per system call. */
  private static final String FLOOD =
      """
      import socket, sys
      s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      s.setsockopt(17, 103, 1200)
      s.connect((sys.argv[1], 9))
      data = bytes(40 * 1200)
      while True:
          try:
              s.send(data)
          except OSError:
              pass
      """;

  /** Sends datagrams of 1478 bytes that must not be fragmented, whatever size it is told. */
  private static final String TOO_BIG =
      """
      import socket, sys, time
      s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      s.setsockopt(0, 10, 3)  # IP_MTU_DISCOVER, IP_PMTUDISC_PROBE
      while True:
          s.sendto(bytes(1450), (sys.argv[1], 9))
          time.sleep(0.2)
      """;

  private static final String ROUTES_OF_ANOTHER = "4711";

  private static TestLab lab;
  private static TestPrometheus prometheus;
  private static Path folder;

  @TempDir static Path root;

  @BeforeAll
  static void start() throws IOException {
    Requirements.namespaces();
    for (String tool : List.of("curl", "openssl", "prometheus", "nsenter", "python3")) {
      Requirements.tool(tool);
    }
    folder = root;
    lab = new TestLab();
    try {
      String tls = certificate();
      TestLab.reconfigure(
          lab.gatewayA, yaml -> TestLab.observed(yaml, "127.0.0.1", "") + deadPeers());
      TestLab.reconfigure(
          lab.gatewayB, yaml -> TestLab.observed(yaml, lab.network.b.wireAddress(), tls));
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      prometheus =
          new TestPrometheus(
              lab.network.a.node(),
              folder,
              List.of(
                  Target.plain("a", "127.0.0.1"),
                  new Target("b", lab.network.b.wireAddress(), true)),
              OperatorFiles.quickRules(folder));
    } catch (IOException | RuntimeException | Error e) {
      lab.close();
      throw e;
    }
  }

  @AfterAll
  static void remove() {
    if (prometheus != null) {
      prometheus.close();
    }
    if (lab != null) {
      lab.close();
    }
  }

  /** The settings of TLS with a certificate for three days. */
  private static String certificate() throws IOException {
    Path key = folder.resolve("key.pem");
    Path certificate = folder.resolve("certificate.pem");
    Commands.run(
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "3",
        "-subj",
        "/CN=gateway",
        "-keyout",
        key.toString(),
        "-out",
        certificate.toString());
    Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-------"));
    return ", tls: {cert: " + certificate + ", key: " + key + "}";
  }

  private static String deadPeers() {
    StringBuilder peers = new StringBuilder();
    for (int number = 3; number <= 4; number++) {
      peers.append(
          """
              - name: dead-%1$d
                publicKey: %2$s
                endpoint: 192.0.2.%1$d:51820
                allowedIps: [10.42.%1$d.0/24]
          """
              .formatted(number, Commands.run("sh", "-c", "wg genkey | wg pubkey").out().strip()));
    }
    return peers.toString();
  }

  private static Namespace nodeA() {
    return lab.network.a.node();
  }

  private static void podsReachEachOtherAgain() {
    assertTrue(
        Waiting.until(Commands.PATIENCE, lab::podsReachEachOther),
        () -> "after the fault was mended: " + lab.gatewayA.daemon().output());
  }

  /** Lets a gateway run with a changed configuration until an alert fires for it. */
  private static void firesWith(
      LabGateway gateway, UnaryOperator<String> change, String alert, String instance)
      throws IOException {
    String before = TestLab.reconfigure(gateway, change);
    try {
      prometheus.awaitFiring(alert, instance);
    } finally {
      TestLab.reconfigure(gateway, changed -> before);
    }
  }

  /** Kills a gateway and starts it from the file that it has now. */
  private static void restart(LabGateway gateway) throws IOException {
    gateway.kill();
    gateway.start(Files.readString(gateway.configuration()));
  }

  /** Comes first, since some alerts take a while to end. */
  @Test
  @Order(1)
  void aCertificateThatEndsSoonIsTheOnlyAlertWhileAllIsWell() {
    podsReachEachOtherAgain();
    prometheus.awaitFiring("CulvertCertificateExpires", "b");
    String others = TestPrometheus.firing("alertname!=\"CulvertCertificateExpires\"");
    assertTrue(
        Waiting.until(Commands.PATIENCE, () -> prometheus.answers(others) == 0),
        () -> "fires though all is well: " + prometheus.ask(others));
  }

  @Test
  void aGatewayThatIsKilledIsDownAndAfterThreeTimesRestarting() throws IOException {
    for (int times = 1; times <= 3; times++) {
      lab.gatewayB.kill();
      if (times == 1) {
        prometheus.awaitFiring("CulvertDown", "b");
      }
      lab.gatewayB.start(Files.readString(lab.gatewayB.configuration()));
      prometheus.await("changes(process_start_time_seconds{instance=\"b\"}[1h]) >= " + times);
    }
    prometheus.awaitFiring("CulvertRestarting", "b");
    prometheus.awaitSilence("CulvertDown");
    podsReachEachOtherAgain();
  }

  @Test
  void peersThatDoNotAnswerAreStale() {
    try (Daemon one = lab.network.a.pod().start("ping", "-n", "-q", "-i", "0.5", "10.42.3.10");
        Daemon other = lab.network.a.pod().start("ping", "-n", "-q", "-i", "0.5", "10.42.4.10")) {
      prometheus.awaitFiring("CulvertPeersStale", "a");
      prometheus.awaitFiring("CulvertManyPeersStale", "a");
      assertTrue(one.isAlive() && other.isAlive());
    }
  }

  @Test
  void aPresharedKeyThatDiffersFailsHandshakes() throws IOException {
    Path key = folder.resolve("other.psk");
    Commands.run("sh", "-c", "umask 077; wg genpsk > " + key);
    String setting = "- name: node-b\n      presharedKeyFile: " + key + "\n";
    String before =
        TestLab.reconfigure(lab.gatewayA, yaml -> yaml.replaceFirst("- name: node-b\n", setting));
    try (Daemon ping = lab.network.a.pod().start("ping", "-n", "-q", lab.network.b.podAddress())) {
      restart(lab.gatewayB); // The session that there was would go on.
      prometheus.awaitFiring("CulvertHandshakesFailing", "a");
      assertTrue(ping.isAlive());
    } finally {
      TestLab.reconfigure(lab.gatewayA, changed -> before);
    }
    podsReachEachOtherAgain();
  }

  @Test
  void aConfigurationThatIsRefusedIsAReloadThatFailed() throws IOException {
    Path file = lab.gatewayA.configuration();
    String before = Files.readString(file);
    Files.writeString(file, before.replaceFirst("spec:\n", "spec:\n  nonsense: 1\n"));
    try {
      Commands.Result reload =
          nodeA()
              .attempt(
                  Commands.PATIENCE,
                  Map.of(),
                  Culvert.command("reload", lab.network.a.interfaceName()));
      assertEquals(3, reload.exitCode(), reload::err);
      prometheus.awaitFiring("CulvertReloadFailed", "a");
    } finally {
      TestLab.reconfigure(lab.gatewayA, changed -> before);
    }
    prometheus.awaitSilence("CulvertReloadFailed");
  }

  /** The gateway's own view of nft is taken away; other programs still have it. */
  @Test
  void aGuardThatIsDeletedWhileNftDoesNotWorkIsMissing() throws IOException {
    String nft = Commands.find("nft").orElseThrow().toRealPath().toString();
    String pid = Long.toString(lab.gatewayA.daemon().pid());
    Commands.run("nsenter", "-t", pid, "-m", "mount", "--bind", "/dev/null", nft);
    try {
      nodeA().run("nft", "delete", "table", "inet", "culvert");
      prometheus.awaitFiring("CulvertGuardMissing", "a");
      prometheus.awaitFiring("CulvertNotReady", "a");
    } finally {
      Commands.run("nsenter", "-t", pid, "-m", "umount", nft);
    }
    prometheus.awaitSilence("CulvertGuardMissing");
    podsReachEachOtherAgain();
  }

  @Test
  void aGuardThatIsDeletedAgainAndAgainIsAFight() {
    String fight = TestPrometheus.firing("alertname=\"CulvertRulesFighting\",kind=\"nft\"");
    assertTrue(
        Waiting.until(
            Commands.PATIENCE,
            () -> {
              nodeA().attempt("nft", "delete", "table", "inet", "culvert");
              return prometheus.answers(fight) > 0;
            }),
        () -> lab.gatewayA.daemon().output());
    prometheus.awaitSilence("CulvertGuardMissing");
  }

  @Test
  void packetsThatTheConfigurationLeavesInClearAreClearTraffic() throws IOException {
    LabSite b = lab.network.b;
    lab.network.a.routeInClear(b);
    try (Daemon ping = lab.network.a.pod().start("ping", "-n", "-q", "-i", "0.5", b.podAddress())) {
      firesWith(
          lab.gatewayA,
          yaml -> yaml.replaceFirst("spec:\n", "spec:\n  encrypt: {podToPod: false}\n"),
          "CulvertClearTraffic",
          "a");
      assertTrue(ping.isAlive());
    } finally {
      b.podCidrs().forEach(range -> nodeA().ip("route", "del", range));
    }
    podsReachEachOtherAgain();
  }

  @Test
  void forgedRepeatedAndStrayPacketsAreBadTagsReplaysAndUnknown() throws IOException {
    Path samples = Attacker.capturedDatagrams(lab, folder);
    Namespace attacker = Attacker.namespace(lab.network);
    try (Daemon attack =
        attacker.start(
            Map.of(), Attacker.command(lab.network.a.wireAddress(), 300, 120, samples))) {
      for (String alert :
          List.of(
              "CulvertBadTags",
              "CulvertReplays",
              "CulvertUnknownSa",
              "CulvertDropRatio",
              "CulvertHandshakesFailing")) {
        prometheus.awaitFiring(alert, "a");
      }
      assertTrue(attack.isAlive());
    }
    podsReachEachOtherAgain();
  }

  /** The kernel refuses to segment datagrams, as an old one or a sandbox does. */
  @Test
  void aKernelWithoutSegmentationIsAnOffloadThatIsOff() throws IOException {
    Path script = folder.resolve("refuse.py");
    Files.writeString(script, REFUSE_UDP_OFFLOADS);
    List<String> command = new ArrayList<>(List.of("python3", script.toString()));
    command.addAll(Culvert.command("up", lab.gatewayB.configuration().toString()));
    lab.gatewayB.kill();
    try (Daemon limited = lab.network.b.node().start(Map.of(), command)) {
      prometheus.awaitFiring("CulvertOffloadOff", "b");
      podsReachEachOtherAgain();
      assertTrue(limited.isAlive());
    } finally {
      lab.gatewayB.start(Files.readString(lab.gatewayB.configuration()));
    }
    podsReachEachOtherAgain();
  }

  /** The lane comes before the flood and all others at the processor: else it waits, and rests. */
  @Test
  void aLaneThatGetsMoreThanItCanSendIsSaturated() {
    podsReachEachOtherAgain();
    lab.gatewayB.daemon().signal("STOP");
    setNiceness(lab.gatewayA.daemon(), -15);
    try (Daemon flood =
        lab.network.a.pod().start("python3", "-c", FLOOD, lab.network.b.podAddress())) {
      prometheus.awaitFiring("CulvertLaneSaturated", "a");
      assertTrue(flood.isAlive());
    } finally {
      setNiceness(lab.gatewayA.daemon(), 0);
      lab.gatewayB.daemon().signal("CONT");
    }
    podsReachEachOtherAgain();
  }

  private static void setNiceness(Daemon gateway, int niceness) {
    // Linux has one per thread.
    String all = "renice -n %d -p $(ls /proc/%d/task)".formatted(niceness, gateway.pid());
    nodeA().run("bash", "-c", all);
  }

  /** A route with a size of its own hides the tunnel's from the kernel, and the sender goes on. */
  @Test
  void aSenderThatDoesNotHeedTheSizeIsTooBig() {
    podsReachEachOtherAgain();
    String there = lab.network.b.podAddress();
    String tunnel = lab.network.a.interfaceName();
    nodeA().ip("route", "add", there, "dev", tunnel, "mtu", "1500", "table", ROUTES_OF_ANOTHER);
    nodeA().ip("rule", "add", "to", there, "lookup", ROUTES_OF_ANOTHER, "priority", "1");
    try (Daemon sender = lab.network.a.pod().start("python3", "-c", TOO_BIG, there)) {
      prometheus.awaitFiring("CulvertTooBig", "a");
      assertTrue(sender.isAlive());
    } finally {
      nodeA().ip("rule", "del", "priority", "1");
      nodeA().ip("route", "flush", "table", ROUTES_OF_ANOTHER);
    }
    podsReachEachOtherAgain();
    prometheus.awaitSilence("CulvertTooBig");
  }

  @Test
  void anApiThatNeverAnsweredIsAStaleControlPlane() throws IOException {
    Path kubeconfig = folder.resolve("kubeconfig");
    Files.writeString(
        kubeconfig,
        """
        apiVersion: v1
        kind: Config
        clusters: [{name: c, cluster: {server: "https://192.0.2.9:6443"}}]
        users: [{name: u, user: {token: none}}]
        contexts: [{name: x, context: {cluster: c, user: u}}]
        current-context: x
        """);
    String discovery =
        "  discovery: {kubernetes: {nodeName: node-b, controlPlane: [192.0.2.9], kubeconfig: %s}}\n"
            .formatted(kubeconfig);
    String before = Files.readString(lab.gatewayB.configuration());
    lab.gatewayB.kill();
    try {
      lab.gatewayB.start(before.replaceFirst("(?s)  peers:.*", discovery));
      prometheus.awaitFiring("CulvertControlPlaneStale", "b");
      prometheus.await("culvert:control_plane_failures:rate5m");
      prometheus.await("culvert:cluster_nodes:max");
    } finally {
      if (lab.gatewayB.daemon().isAlive()) {
        lab.gatewayB.kill();
      }
      lab.gatewayB.start(before);
    }
    podsReachEachOtherAgain();
  }

  @Test
  void eachQueryOfTheBoardIsAnswered() throws IOException {
    TreeSet<String> silent = new TreeSet<>();
    List<Query> asked =
        OperatorFiles.queries().stream().filter(query -> query.needs() == Needs.ANY).toList();
    assertTrue(asked.size() > 30, () -> "only " + asked);
    Waiting.until(
        Commands.PATIENCE,
        () -> {
          // Rates need traffic through the tunnel and drops all the time.
          lab.podsReachEachOther();
          nodeA().attempt("ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", "10.42.99.1");
          silent.clear();
          asked.stream()
              .map(query -> query.asked("a"))
              .filter(query -> prometheus.answers(query) <= 0)
              .forEach(silent::add);
          return silent.isEmpty();
        });
    assertEquals(List.of(), List.copyOf(silent));
  }

  @Test
  void eachSelectorOfARuleFindsSeries() throws IOException {
    List<String> silent = new ArrayList<>();
    for (String field : List.of("alert", "record")) {
      for (JsonNode rule : OperatorFiles.rules(field)) {
        for (PromQl.Selector selector : PromQl.of(rule.path("expr").asText()).selectors()) {
          if (OperatorFiles.needs(selector.text()) == Needs.ANY
              && prometheus.answers(selector.text()) <= 0) {
            silent.add(selector.text());
          }
        }
      }
    }
    assertEquals(List.of(), silent);
  }
}
