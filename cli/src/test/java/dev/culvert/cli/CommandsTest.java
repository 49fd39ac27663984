// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.command.Failures;
import dev.culvert.cli.command.key.KeyPubCommand;
import dev.culvert.cli.command.show.Finding;
import dev.culvert.cli.command.show.QueueCheck;
import dev.culvert.daemon.GatewayDaemon;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.socket.Handed;
import dev.culvert.daemon.socket.LocalServer;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.daemon.testing.FakeWireGuard;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.daemon.uapi.UapiServer;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.kernel.TunQueues;
import dev.culvert.tunnel.lane.LaneCounter;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/**
 * The commands, run beside daemons over a fake network, print the right text, exit with the
 * documented status, and load or lift the guard as they say.
 */
@SuppressWarnings("try") // gateways that only have to be there
final class CommandsTest {
  private static final String PRIVATE = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
  private static final String PUBLIC = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=";
  private static final String PEER = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

  private final FakeNetwork network = new FakeNetwork();
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path directory;
  private Path file;
  private Machine machine;

  @BeforeEach
  void prepare() throws IOException {
    machine = FakeMachine.in(directory, new FakeTunnels(), network);
    file = directory.resolve("gw.yaml");
    GatewayYaml.of("cv0", "listenPort: 7")
        .with("identity: {privateKeyFile: key}")
        .peers(
            GatewayYaml.entry(
                "b", "publicKey: " + PEER, "endpoint: '192.0.2.1:8'", "allowedIps: [10.1.0.0/16]"))
        .write(file);
  }

  @Test
  void anArgumentThatIsNoInterfaceNameIsAWrongUse() {
    for (String command : List.of("status", "peers", "reload", "down")) {
      assertEquals(2, run(command, "sixteen-letters-"), command);
      assertTrue(err.toString().contains("'sixteen-letters-' is no interface name"), err::toString);
    }
    assertEquals(2, run("wg", "-f", "a/b"));
    assertTrue(err.toString().contains("'a/b' is no interface name"), err::toString);
  }

  private int run(String... arguments) {
    return run(RootCommand.commandLine(machine, false), arguments);
  }

  private int run(CommandLine command, String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return command.setOut(new PrintWriter(out)).setErr(new PrintWriter(err)).execute(arguments);
  }

  @Test
  void statusAndPeersShowARunningGateway() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(0, run("status"), err::toString);
      assertTrue(out.toString().startsWith("cv0\n  public key"), out::toString);
      assertTrue(out.toString().contains("3 bad_tag"), out::toString);
      assertTrue(out.toString().contains("  sent           10 packets, 2.0 per"), out::toString);
      assertTrue(out.toString().contains("  delivered      20 packets, 5.0 per"), out::toString);
      assertEquals(0, run("peers", "cv0"));
      assertTrue(out.toString().contains("cv0    b     192.0.2.1:8  "), out::toString);
      assertTrue(out.toString().contains("10.1.0.0/16"), out::toString);
      assertEquals(0, run("status", "cv0", "-o", "json"));
      JsonNode status = new ObjectMapper().readTree(out.toString()).get(0);
      assertEquals(7, status.get("listenPort").asInt());
      assertEquals(3, status.get("traffic").get("drops").get("bad_tag").asInt());
      JsonNode counters = status.get("traffic").get("counters");
      for (LaneCounter counter : LaneCounter.values()) {
        assertTrue(counters.has(counter.label()), out::toString);
      }
      assertEquals(10, counters.get("packetsSent").asInt());
      assertEquals(0, run("peers", "-o", "json"));
      JsonNode peer = new ObjectMapper().readTree(out.toString()).get(0).get("peers").get(0);
      assertEquals(PEER, peer.get("publicKey").asText());
      assertFalse(peer.get("presharedKey").asBoolean());
    }
  }

  @Test
  void statusAsksByUapiWhereThereIsNoAdminSocket() throws Exception {
    try (UapiServer server =
        UapiServer.open(machine.uapiDirectory(), new FakeWireGuard("wg7"), Handed.NOTHING)) {
      assertEquals(0, run("status", "wg7"));
      assertTrue(
          out.toString().matches("wg7\n  public key +none\n  UDP port +none\n  peers +0, .*\n"),
          out::toString);
      assertEquals(4, run("down", "wg7"));
      assertTrue(err.toString().contains("'ip link delete wg7' ends it"), err::toString);
    }
  }

  @Test
  void nothingRunningIsSaidAndANameThatDoesNotRunIsStatusFour() {
    assertEquals(0, run("status"));
    assertEquals("no gateway is running; 'culvert up FILE' starts one\n", out.toString());
    for (String command : List.of("status", "peers", "reload", "down")) {
      assertEquals(4, run(command, "cv9"), command);
      assertTrue(err.toString().startsWith("culvert: no gateway 'cv9' is running"), err::toString);
    }
  }

  @Test
  void reloadReportsWhatIsRefused() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(0, run("reload", "cv0"), err::toString);
      assertEquals("cv0 reloaded\n", out.toString());
      Files.writeString(file, "nonsense: 1\n");
      assertEquals(3, run("reload", "cv0"));
      assertEquals(
          "culvert: "
              + file
              + ":1: nonsense: unknown key; known: apiVersion, kind, metadata, spec;"
              + " the running state stays\n",
          err.toString());
    }
  }

  @Test
  void aGatewayThatRunsAlreadySaysWhatToDo() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      for (String command : List.of("up", "guard")) {
        assertEquals(1, run(command, file.toString()), command);
        assertEquals(
            "culvert: cv0 runs already and goes on; 'culvert reload cv0' reads its file again,"
                + " 'culvert upgrade cv0' replaces its process, 'culvert down cv0' ends it\n",
            err.toString());
      }
      assertFalse(daemon.wasStopped());
    }
  }

  /** Commands that ask all gateways find sockets of gateways that are about to end. */
  @Test
  void aGatewayThatEndsWhileAllAreAskedIsLeftOut() throws Exception {
    Files.createDirectories(machine.adminDirectory());
    Path socket = machine.adminDirectory().resolve("cv9.sock");
    try (ServerSocketChannel ending = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      ending.bind(UnixDomainSocketAddress.of(socket));
      Thread end =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      ending.accept().close(); // It is listed,
                      ending.accept().close(); // looked at,
                      ending.close(); // and gone when it is asked.
                    } catch (IOException e) {
                      throw new UncheckedIOException(e);
                    }
                  });
      assertEquals(0, run("status"), err::toString);
      end.join();
    }
  }

  @Test
  void anExplanationCallsAPeerByItsName() throws Exception {
    assertEquals(0, run("routes", file.toString(), "--explain", "10.9.0.1", "10.1.0.1"));
    assertTrue(out.toString().contains("10.1.0.1: pods of b, 10.1.0.0/16"), out::toString);
    Files.writeString(
        file,
        Files.readString(file)
            + "    - {name: b, publicKey: %s, allowedIps: [10.2.0.0/16]}\n".formatted(PUBLIC));
    assertEquals(0, run("routes", file.toString(), "--explain", "10.9.0.1", "10.2.0.1"));
    assertTrue(out.toString().contains("10.2.0.1: pods of " + PUBLIC), "two have one name");
  }

  @ParameterizedTest
  @CsvSource({
    "a, b, is not an address",
    "10.9.0.1, 10.1.0.1:0, a port is a number from 1 to 65535",
    "10.9.0.1, 10.1.0.1/smtp, is no protocol",
    "10.9.0.1, fd00::1, differ in family"
  })
  void aPacketThatCannotBeReadIsAWrongArgument(String source, String destination, String reason) {
    assertEquals(2, run("routes", file.toString(), "--explain", source, destination));
    assertTrue(err.toString().contains(reason), err::toString);
    assertEquals(2, run("routes", "nothing", "--explain", source, destination), "nor elsewhere");
  }

  @Test
  void downLiftsTheGuardAlsoOfADeadGateway() throws Exception {
    GatewayDaemon.start(file, machine).close();
    network.clear();
    assertEquals(4, run("status", "cv0"));
    assertEquals(
        "culvert: no gateway 'cv0' is running; its ranges stay blocked until 'culvert up', or"
            + " 'culvert down cv0'\n",
        err.toString());
    assertEquals(0, run("down", file.toString()), err::toString);
    assertEquals(List.of("remove"), network.calls());
    assertEquals(4, run("down", "cv0"));
  }

  @Test
  void guardLoadsRulesAndGuardAndDownLiftsThem() throws Exception {
    assertEquals(0, run("guard", file.toString()), err::toString);
    assertEquals(
        "cv0 is guarded: 10.1.0.0/16 stays blocked until 'culvert up " + file + "'\n",
        out.toString());
    assertEquals(0, run("guard", file.toString(), "-o", "json"), "once more");
    assertEquals(
        "10.1.0.0/16", new ObjectMapper().readTree(out.toString()).get("ranges").get(0).asText());
    assertEquals(List.of("load [10.1.0.0/16]", "load [10.1.0.0/16]"), network.calls());
    assertEquals(0, run("down", "cv0"), err::toString);
    assertEquals("remove", network.calls().getLast());
    network.guardFault("nft is not installed");
    assertEquals(1, run("guard", file.toString()));
    assertEquals("culvert: no guard can be had: nft is not installed\n", err.toString());
    Files.writeString(file, "kind: Gateway\n");
    assertEquals(3, run("guard", file.toString()));
  }

  @Test
  void aStartThatFailsBehindTheGuardSaysThatItStands() throws Exception {
    Files.writeString(
        file, Files.readString(file).replace("endpoint:", "presharedKeyFile: no, endpoint:"));
    assertEquals(3, run("up", file.toString()));
    assertTrue(
        err.toString().contains("no does not exist; the ranges of the peers stay blocked"),
        err::toString);
    network.remove();
    network.guardFault("nft is not installed");
    assertEquals(1, run("up", file.toString()));
    assertEquals("culvert: no guard can be had: nft is not installed\n", err.toString());
  }

  @Test
  void downInAnotherNetworkNamespaceIsRefusedAndLiftsNothing() throws Exception {
    GatewayDaemon.start(file, machine).close();
    Path state = directory.resolve("run/cv0.guard");
    Files.writeString(state, "net:[1]\n10.1.0.0/16\n");
    network.clear();
    assertEquals(1, run("down", "cv0"));
    assertTrue(err.toString().contains("another network namespace"), err::toString);
    assertEquals(List.of(), network.calls());
    assertTrue(Files.exists(state));
  }

  @Test
  @SuppressWarnings("try") // a gateway that only has to be there
  void verifyOutsideTheGatewaysNetworkNamespaceSaysWhereItIs() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      Files.writeString(directory.resolve("run/cv0.guard"), "net:[1]\n" + file + "\n");
      assertEquals(1, run("verify", "cv0"));
      assertTrue(
          err.toString()
              .startsWith(
                  "culvert: cv0 was brought up in another network namespace, net:[1]; run this there"),
          err::toString);
    }
  }

  @Test
  void elsewhereNothingIsSaidOfThisNetworkNamespaceInsteadOfTheGateways() throws Exception {
    GatewayDaemon.start(file, machine).close();
    Files.writeString(directory.resolve("run/cv0.guard"), "net:[1]\n" + file + "\n");
    for (String command : List.of("audit", "routes")) {
      assertEquals(1, run(command, "cv0"), command);
      assertTrue(err.toString().contains("another network namespace, net:[1]"), err::toString);
    }
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      Files.writeString(directory.resolve("run/cv0.guard"), "net:[1]\n" + file + "\n");
      assertEquals(0, run("audit", "cv0"), "the gateway answers");
      assertEquals(1, run("capture", "cv0", "-w", directory.resolve("c.pcapng").toString()));
      assertTrue(err.toString().contains("another network namespace, net:[1]"), err::toString);
    }
  }

  @Test
  void whoMeetsALiveProcessAfterTheGuardIsToldThatTheGuardStands() throws Exception {
    AtomicReference<UapiServer> other = new AtomicReference<>();
    Machine contested =
        new Machine(
            new FakeTunnels(options -> other.set(occupy(options.interfaceName()))),
            network,
            machine.uapiDirectory(),
            machine.adminDirectory(),
            machine.sequenceDirectory(),
            host -> List.of(),
            machine.cluster());
    assertEquals(1, run(RootCommand.commandLine(contested, false), "up", file.toString()));
    assertTrue(err.toString().contains("is in use by a live process"), err::toString);
    assertTrue(err.toString().contains("the ranges of the peers stay blocked"), err::toString);
    assertEquals(1, run("up", file.toString()));
    assertFalse(err.toString().contains("blocked"), "it is that process that guards");
    Objects.requireNonNull(other.get()).close();
  }

  private UapiServer occupy(String name) throws DeviceException {
    try {
      return UapiServer.open(machine.uapiDirectory(), new FakeWireGuard(name), Handed.NOTHING);
    } catch (IOException e) {
      throw new DeviceException(name, 1, e);
    }
  }

  @Test
  void downLiftsTheGuardOfAGatewayThatEndsBeforeItAnswers() throws Exception {
    GatewayDaemon.start(file, machine).close();
    network.clear();
    AtomicReference<LocalServer> server = new AtomicReference<>();
    server.set(
        LocalServer.open(
            directory.resolve("run/cv0.sock"),
            (in, text) ->
                () -> {
                  int first = in.read(); // A look whether it is live sends nothing.
                  if (first >= 0) {
                    Objects.requireNonNull(server.get()).close();
                  }
                  return false;
                }));
    assertEquals(0, run("down", "cv0"), err::toString);
    assertEquals(List.of("remove"), network.calls());
  }

  @Test
  void aConfigurationThatIsRefusedIsStatusThree() throws IOException {
    Files.writeString(file, "kind: Gateway\n");
    assertEquals(3, run("up", file.toString()));
    assertEquals("culvert: " + file + ":1: needs the key 'apiVersion'\n", err.toString());
  }

  @Test
  void wrongArgumentsAreStatusTwo() {
    assertEquals(2, run());
    assertEquals(2, run("nonsense"));
    assertEquals(2, run("key"));
    assertEquals(2, run("up"));
    assertEquals(2, run("wg", "x"), "without the launcher it cannot return");
  }

  @Test
  void keysAreMadeAndPublicKeysComputed() {
    assertEquals(0, run("key", "gen"));
    String key = out.toString();
    assertTrue(key.matches("[A-Za-z0-9+/]{43}=\n"), key);
    assertEquals(0, run("key", "psk"));
    assertTrue(out.toString().matches("[A-Za-z0-9+/]{43}=\n"));
    var in = new ByteArrayInputStream((PRIVATE + "\n").getBytes(US_ASCII));
    assertEquals(0, run(new CommandLine(new KeyPubCommand(in))));
    assertEquals(PUBLIC + "\n", out.toString());
  }

  private Path espGateway() throws IOException {
    Path keys = directory.resolve("esp.keys");
    assertEquals(0, run("key", "gen", "--esp", "--id", "15"));
    Files.createFile(
        keys, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(keys, out.toString());
    GatewayYaml.of("cv0")
        .with("engine: esp", "esp: {keyFile: esp.keys}")
        .with("internal: [192.0.2.1]", "podCIDRs: [10.0.0.0/16]")
        .peers(GatewayYaml.entry("b", "endpoint: '192.0.2.2:4500'", "allowedIps: [10.1.0.0/16]"))
        .write(file);
    return keys;
  }

  @Test
  void aGatewayThatIsAboutToEndDoesNotKeepOthersFromBeingShown() throws Exception {
    Path keys = espGateway();
    try (GatewayDaemon ending = GatewayDaemon.start(file, machine)) {
      ending.closeDevice();
      assertEquals(0, run("key", "rotate", keys.toString()), err::toString);
      assertEquals(0, run("status"), err::toString);
      assertTrue(out.toString().startsWith("no gateway is running"), out::toString);
      assertEquals(1, run("status", "cv0"));
      assertTrue(err.toString().contains("cv0 is about to end"), err::toString);
    }
  }

  @Test
  void sasShowsWhatIsSentUnderAndTheRotation() throws Exception {
    assertEquals(0, run("sas"));
    assertEquals("no ESP gateway is running\n", out.toString());
    espGateway();
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(0, run("sas", "cv0"), err::toString);
      assertTrue(
          out.toString()
              .contains("cv0    b     out  00000003  rfc4106(gcm(aes))-128  yes  key 1234  5 s"),
          out::toString);
      assertTrue(out.toString().contains("25.0 %"), out::toString);
      assertTrue(out.toString().contains("cv0 publishes key 15, has [15]"), out::toString);
      assertTrue(out.toString().contains("  b was not heard of yet"), out::toString);
      assertEquals(0, run("sas", "-o", "json"));
      JsonNode sa =
          new ObjectMapper()
              .readTree(out.toString())
              .get(0)
              .get("esp")
              .get("securityAssociations")
              .get(0);
      assertEquals("4611686018427387904", sa.get("sequence").asText());
      assertEquals(2048, sa.get("bytes").asInt());
      assertEquals(0, run("status", "cv0"));
      assertTrue(out.toString().contains("publishes 15, has [15]"), out::toString);
      assertEquals(0, run("peers", "cv0"));
      assertTrue(out.toString().contains("192.0.2.2:4500"), out::toString);
    }
  }

  @Test
  void rotateMakesTheNextKeyInTheFileOfTheOnlyGateway() throws Exception {
    Path keys = espGateway();
    assertEquals(2, run("key", "rotate"), "no gateway runs");
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(1, run("key", "rotate", "--wait", "1"), "the peer does not answer");
      assertTrue(out.toString().startsWith("key 1 is in " + keys), out::toString);
      assertTrue(
          out.toString().contains("cv0 publishes key 1; so do 0 of 1 peers, not yet b"),
          out::toString);
      assertEquals(2, Files.readAllLines(keys).size());
    }
    Files.writeString(keys, "nonsense\n");
    assertEquals(3, run("key", "rotate", keys.toString()));
    assertFalse(err.toString().contains("nonsense"), err::toString);
  }

  @Test
  void aManualKeyIsEnrolledOnce() throws Exception {
    Path keys = espGateway();
    assertEquals(3, run("key", "enrol", file.toString(), "b"), "no manual SAs");
    Files.copy(keys, directory.resolve("out.key"), StandardCopyOption.COPY_ATTRIBUTES);
    assertEquals(0, run("key", "gen", "--esp", "--bits", "256"));
    Files.writeString(keys, out.toString());
    Files.writeString(
        file,
        Files.readString(file)
            .replace("keyFile: esp.keys", "keying: manual")
            .replace(
                "[10.1.0.0/16]}",
                "[10.1.0.0/16], inbound: {spi: 300, keyFile: esp.keys},"
                    + " outbound: {spi: 301, keyFile: out.key}}"));
    assertEquals(0, run("key", "enrol", file.toString(), "b"), err::toString);
    assertEquals(3, run("key", "enrol", file.toString(), "b"));
    assertTrue(err.toString().contains("has a record already"), err::toString);
    assertEquals(3, run("key", "enrol", file.toString(), "c"));
  }

  @Test
  void aKeyThatIsNoneIsRefusedWithoutShowingIt() {
    var in = new ByteArrayInputStream("secret".getBytes(US_ASCII));
    CommandLine command =
        new CommandLine(new KeyPubCommand(in)).setExecutionExceptionHandler(new Failures(false));
    assertEquals(3, run(command));
    assertEquals("culvert: standard input: not a base64 key of 44 characters\n", err.toString());
  }

  @Test
  void completionAndVersionAndHelpPrint() {
    assertEquals(0, run("completion", "bash"));
    assertTrue(out.toString().contains("complete"), "a script");
    assertEquals(0, run("completion", "zsh"));
    assertTrue(out.toString().startsWith("#compdef culvert\n"));
    assertEquals(0, run("--version"));
    assertTrue(out.toString().startsWith("culvert "), out::toString);
    String version = out.toString();
    assertEquals(0, run("version"));
    assertEquals(version, out.toString());
    assertEquals(0, run("--help"));
    assertTrue(out.toString().contains("3   a configuration was refused"), out::toString);
    assertTrue(out.toString().contains("5   'audit' or 'verify' found"), out::toString);
  }

  @Test
  void planNamesClassesInClearAndFormerKeysFirst() throws Exception {
    assertEquals(0, run("plan", file.toString()), err::toString);
    assertTrue(out.toString().startsWith("nft -f -"), out::toString);
    Files.writeString(
        file,
        Files.readString(file)
            + "  cluster: {cidrs: [10.0.0.0/8]}\n  encrypt: {podToPod: false}\n");
    List<String> notes =
        List.of(
            file + ":8: spec.cluster.cidrs: this key is now 'spec.clusterCIDRs'; it is still read",
            "pod-to-pod traffic is not encrypted: it leaves in clear (spec.encrypt)");
    assertEquals(0, run("plan", file.toString()), err::toString);
    assertEquals(
        notes.stream().map(note -> "# " + note).toList(),
        out.toString().lines().takeWhile(line -> line.startsWith("#")).toList());
    assertEquals(0, run("plan", file.toString(), "-o", "json"), err::toString);
    JsonNode json = new ObjectMapper().readTree(out.toString()).get("notes");
    assertEquals(notes, List.of(json.get(0).asText(), json.get(1).asText()));
  }

  @Test
  void packetsInClearHaveAnotherExitStatusThanARefusedConfiguration() throws Exception {
    Files.writeString(file, Files.readString(file) + "  encrypt: {podToPod: false}\n");
    network.count("pod_to_pod_out", 0);
    assertEquals(0, run("audit", file.toString()), err::toString);
    network.count("pod_to_pod_out", 1);
    assertEquals(5, run("audit", file.toString()), err::toString);
    Files.writeString(file, "no configuration");
    assertEquals(3, run("audit", file.toString()), err::toString);
  }

  @Test
  void doctorSaysWhatToDo() throws IOException {
    run("doctor", "-o", "json");
    JsonNode findings = new ObjectMapper().readTree(out.toString());
    assertTrue(findings.size() >= 10);
    for (JsonNode finding : findings) {
      boolean ok = finding.get("verdict").asText().equals("OK");
      assertEquals(ok, finding.get("advice").asText().isEmpty(), finding::toString);
    }
    String buffers = Files.readAllLines(Path.of("/proc/sys/net/core/rmem_max")).getFirst();
    assertTrue(out.toString().contains(buffers + " bytes"), out::toString);
    run("doctor");
    assertTrue(out.toString().contains("cipher"), out::toString);
  }

  @Test
  void doctorKnowsThePortOfThisMachinesOwnGateway() throws Exception {
    int wanted = 51820;
    Files.writeString(
        file, Files.readString(file).replace("listenPort: 7", "listenPort: " + wanted));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine);
        DatagramChannel port = DatagramChannel.open()) {
      try {
        port.bind(new InetSocketAddress(wanted));
      } catch (BindException e) {
        // Somebody else has it, which is as good.
      }
      run("doctor");
      assertTrue(out.toString().contains("51820 is that of cv0"), out::toString);
    }
  }

  @Test
  void anAnswerOfANewerGatewayIsUnderstood() throws Exception {
    Path socket = machine.adminDirectory().resolve("cv7.sock");
    try (LocalServer newer =
        LocalServer.open(
            socket,
            (in, answer) ->
                () -> {
                  new BufferedReader(new InputStreamReader(in, US_ASCII)).readLine();
                  answer.write("{\"audit\":null,\"newer\":{\"key\":1}}\n".getBytes(US_ASCII));
                  return false;
                })) {
      assertNull(machine.adminClient().call("cv7", AdminMessage.Command.AUDIT).audit());
    }
  }

  @Test
  void doctorTellsOfQueuesThatAreNotAGatewaysOwn() throws Exception {
    assertEquals("no tunnel runs here", new QueueCheck(machine).finding().found());
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(Finding.ok("TUN queues", "cv0"), new QueueCheck(machine).finding());
      network.tunQueues(new TunQueues(3, true));
      Finding joined = new QueueCheck(machine).finding();
      assertEquals(Finding.Verdict.FAIL, joined.verdict());
      assertEquals("cv0 has 3 queues for 2 lanes", joined.found());
      network.tunQueues(new TunQueues(0, false));
      Finding open = new QueueCheck(machine).finding();
      assertEquals(Finding.Verdict.FAIL, open.verdict());
      assertTrue(open.found().contains("any local user"), open::found);
    }
  }
}
