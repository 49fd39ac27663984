// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Figure;
import dev.culvert.cli.kit.Implementation;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.cli.kit.WgPair;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Traffic;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

/** A gateway in a container and a real wireguard-go, each in a namespace, on one wire. */
final class ContainerLab implements AutoCloseable {
  private static final String WIRE = "wire0";
  private static final String OUR_ADDRESS = "192.0.2.1";
  private static final String PEER_ADDRESS = "192.0.2.2";
  private static final String DEVICE = "culvert0";
  private static final long BYTES = 20_000_000;
  private static final String MARKER = "never-in-clear-0";
  private static final String CANARY = "always-in-clear0";

  /** The bits of CAP_NET_ADMIN and CAP_NET_RAW. */
  private static final long RIGHTS = 1L << 12 | 1L << 13;

  private final Namespaces namespaces = Namespaces.ofThisProcess("image");
  private final Namespace node;
  private final WgNode peer;
  private final Container container;
  private final String privateKey;

  ContainerLab(Image image, Path folder) throws IOException {
    try {
      node = namespaces.create("node");
      Namespace other = namespaces.create("other");
      Namespaces.connect(new Namespaces.End(node, WIRE), new Namespaces.End(other, WIRE));
      node.address(WIRE, OUR_ADDRESS + "/24");
      other.address(WIRE, PEER_ADDRESS + "/24");
      String device = "cvi" + ProcessHandle.current().pid() % 100_000;
      peer = new WgNode(other, device, Implementation.packaged());
      WgPair.bringUp(peer, WgPair.PEER_V4, WgPair.PEER_V6);
      WgNode.Keys ours = WgNode.Keys.generate();
      privateKey = ours.privateKey();
      WgPair.introduce(peer, ours.publicKey(), WgPair.OUR_V4, WgPair.OUR_V6);
      configure(folder);
      long start = System.nanoTime();
      container = new Container(image, node, folder, "up", "/etc/culvert/node.yaml");
      container.daemon().await("an answer", Commands.PATIENCE, this::reaches);
      Figure.seconds("image, start to first answered ping", start);
    } catch (RuntimeException | IOException e) {
      namespaces.close();
      throw e;
    }
  }

  private void configure(Path folder) throws IOException {
    Path etc = Files.createDirectories(folder.resolve("etc"));
    Files.createFile(
        etc.resolve("private.key"),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(etc.resolve("private.key"), privateKey + "\n");
    GatewayYaml.of(
            DEVICE,
            "addresses: [%s/24, '%s/64']".formatted(WgPair.OUR_V4, WgPair.OUR_V6),
            "listenPort: " + WgNode.PORT)
        .with("engine: wireguard", "identity: {privateKeyFile: /etc/culvert/private.key}")
        .peers(
            GatewayYaml.entry(
                "other",
                "publicKey: " + peer.publicKey,
                "endpoint: '%s:%d'".formatted(PEER_ADDRESS, WgNode.PORT),
                "allowedIps: [%s/32, '%s/128']".formatted(WgPair.PEER_V4, WgPair.PEER_V6)))
        .write(etc.resolve("node.yaml"));
  }

  private boolean reaches() {
    return node.attempt("ping", "-n", "-c", "1", "-W", "0.2", WgPair.PEER_V4).succeeded();
  }

  void carriesTraffic() {
    assertNotEquals(0, peer.latestHandshake());
    assertTrue(
        node.attempt("ping", "-n", "-c", "3", "-i", "0.2", WgPair.PEER_V6).succeeded(), "IPv6");
    WgPair.Transfer there = WgPair.tcp(node, peer.namespace, WgPair.PEER_V4, BYTES);
    assertEquals(there.sent(), there.received());
    WgPair.Transfer back = WgPair.tcp(peer.namespace, node, WgPair.OUR_V6, BYTES);
    assertEquals(back.sent(), back.received());
    assertFalse(container.daemon().output().contains(privateKey));
    assertFalse(container.daemon().output().contains("ERROR"), container.daemon()::output);
  }

  void hasFewRights() throws IOException {
    for (String set : List.of("CapEff", "CapPrm", "CapBnd")) {
      assertEquals(RIGHTS, Long.parseLong(container.status(set), 16), set);
    }
    assertEquals("1", container.status("NoNewPrivs"));
    assertNotEquals(0, container.attempt("/bin/sh", "-c", "true").exitCode(), "there is no shell");
  }

  /** As a user types them, without a shell in the image. */
  void answersCommands() {
    Commands.Result status = container.attempt("java", "@culvert", "status", DEVICE);
    assertTrue(status.succeeded() && status.out().contains("1 with a handshake"), status::toString);
    // The archive of the runtime's classes belongs to its files as they were unpacked.
    Commands.Result shared = container.attempt("java", "-Xshare:on", "-version");
    assertTrue(shared.succeeded(), shared::toString);
  }

  void leavesItsGuardWhenItIsKilled() throws IOException {
    assertTrue(guarded());
    try (Capture capture = Capture.start(peer.namespace, WIRE, "", List.of(MARKER, CANARY))) {
      container.kill();
      assertTrue(guarded(), "the guard stays");
      // There is a way in clear, were it not for the guard.
      node.route(WgPair.PEER_V4 + "/32", "via", PEER_ADDRESS);
      assertFalse(reaches());
      Traffic.send(node, "udp-text", WgPair.PEER_V4, "9001", MARKER);
      capture.prove(CANARY, () -> Traffic.send(node, "udp-text", PEER_ADDRESS, "9001", CANARY));
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
    }
  }

  private boolean guarded() {
    return node.run("nft", "list", "tables").out().contains("table inet culvert\n");
  }

  @Override
  public void close() {
    container.close();
    peer.daemon().close();
    namespaces.close();
  }
}
