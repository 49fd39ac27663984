// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.handover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.daemon.handover.HandoverChannel.Received;
import dev.culvert.daemon.handover.HandoverChannel.Step;
import dev.culvert.daemon.testing.Eventually;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.kernel.DescriptorSocket;
import dev.culvert.tunnel.kernel.PidFd;
import dev.culvert.tunnel.kernel.SealedMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The predecessor's end of a hand-over, against successors that do well, refuse, die or hang. */
final class HandoverServerTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @TempDir private Path folder;

  private final FakeGateway gateway = new FakeGateway();
  private HandoverServer server;

  /** The process that is the successor as far as the server can tell. */
  private Process process;

  @BeforeEach
  void open() throws IOException {
    server = HandoverServer.open(folder, gateway);
    process = new ProcessBuilder("sleep", "1000").start();
  }

  @AfterEach
  void close() throws IOException {
    process.destroyForcibly();
    server.close();
    gateway.close();
  }

  /** Greets as a successor of another program version would. */
  private HandoverChannel greet(int oldest, int newest, String name, String engine)
      throws IOException {
    HandoverChannel channel =
        new HandoverChannel(
            DescriptorSocket.connect(HandoverServer.path(folder, gateway.interfaceName())));
    try (PidFd successor = PidFd.of(process.pid())) {
      channel.send(
          Step.HELLO,
          body ->
              body.int32(HandoverChannel.PROTOCOL)
                  .int32(oldest)
                  .int32(newest)
                  .text(name)
                  .text(engine),
          List.of(successor.fd()));
    }
    return channel;
  }

  /** Goes on until this end has the state. */
  private Received state(HandoverChannel channel) throws IOException {
    channel.await(Step.WELCOME, PATIENCE).closeDescriptors();
    channel.send(Step.PREPARE);
    channel.await(Step.PREPARED, PATIENCE).closeDescriptors();
    channel.send(Step.TAKE);
    return channel.await(Step.STATE, PATIENCE);
  }

  private HandoverChannel stateTaken() throws IOException {
    HandoverChannel channel =
        greet(HandoverServer.FORMAT, HandoverServer.FORMAT, "cv0", "wireguard");
    state(channel).closeDescriptors();
    return channel;
  }

  private void assertTold(String... calls) {
    assertTrue(
        Eventually.holds(() -> gateway.told().equals(List.of(calls))),
        () -> gateway.told().toString());
  }

  @Test
  void aSuccessorThatTakesOverGetsDescriptorsAndStateAndTheGatewayLeaves() throws Exception {
    try (Predecessor predecessor = Predecessor.find(folder, "cv0", "wireguard").orElseThrow()) {
      Parcel parcel = predecessor.prepare();
      assertEquals(1, parcel.tunnel().queues().size());
      parcel.close();
      try (SealedMemory.Content state = Objects.requireNonNull(predecessor.take())) {
        assertEquals(FakeGateway.STATE, new StateReader(state.bytes()).text());
      }
      predecessor.taken();
      assertTold("freeze", "pause", "leave");
    }
  }

  @Test
  void aSuccessorOfAnotherFormatGetsDescriptorsOnly() throws Exception {
    int unknown = HandoverServer.FORMAT + 1;
    try (HandoverChannel channel = greet(unknown, unknown, "cv0", "wireguard")) {
      Received state = state(channel);
      assertEquals(List.of(), state.descriptors());
      channel.send(Step.TAKEN);
      assertTold("freeze", "pause", "leave");
    }
  }

  @Test
  void aSuccessorWithAnotherEngineGetsDescriptorsOnly() throws Exception {
    try (Predecessor predecessor = Predecessor.find(folder, "cv0", "esp").orElseThrow()) {
      predecessor.prepare().close();
      assertNull(predecessor.take());
      predecessor.taken();
    }
    assertTold("freeze", "pause", "leave");
  }

  @Test
  void aSuccessorOfAnotherInterfaceIsRefusedAndNothingIsFrozen() throws Exception {
    try (HandoverChannel channel =
        greet(HandoverServer.FORMAT, HandoverServer.FORMAT, "cv9", "wireguard")) {
      HandoverException refused =
          assertThrows(HandoverException.class, () -> channel.await(Step.WELCOME, PATIENCE));
      assertEquals(HandoverException.Kind.REFUSED, refused.kind());
      assertTrue(String.valueOf(refused.getMessage()).contains("cv9"), refused::toString);
    }
    assertEquals(List.of(), gateway.told());
  }

  @Test
  void aSuccessorThatLeavesBeforeTheStateThawsTheGateway() throws Exception {
    try (Predecessor predecessor = Predecessor.find(folder, "cv0", "wireguard").orElseThrow()) {
      predecessor.prepare().close();
    }
    assertTold("freeze", "failed", "thaw");
  }

  @Test
  void aSuccessorThatRefusesTheStateGivesTheGatewayBack() throws Exception {
    try (Predecessor predecessor = Predecessor.find(folder, "cv0", "wireguard").orElseThrow()) {
      predecessor.prepare().close();
      try (SealedMemory.Content _ = predecessor.take()) {
        predecessor.refuse("a key is missing");
      }
      assertTold("freeze", "pause", "take back", "failed", "thaw");
      assertTrue(process.isAlive(), "it was not killed");
    }
  }

  @Test
  void aSuccessorThatDiesWithTheStateHasNotSent() throws Exception {
    try (HandoverChannel _ = stateTaken()) {
      process.destroyForcibly().waitFor();
    }
    assertTold("freeze", "pause", "take back", "failed", "thaw");
  }

  @Test
  void aSuccessorThatHangsWithTheStateIsKilledFirst() throws Exception {
    try (HandoverChannel _ = stateTaken()) {
      assertTold("freeze", "pause", "take back", "failed", "thaw");
      assertTrue(process.waitFor(20, TimeUnit.SECONDS), "it was killed");
    }
  }

  @Test
  void aSuccessorThatTalksNonsenseWithTheStateIsKilledFirst() throws Exception {
    try (HandoverChannel channel = stateTaken()) {
      channel.send(Step.HELLO);
      assertTold("freeze", "pause", "take back", "failed", "thaw");
      assertTrue(process.waitFor(20, TimeUnit.SECONDS), "it was killed");
    }
  }

  @Test
  void theKeysAreDoubtedAfterTheEndOfASuccessorThatMayHaveSent() throws Exception {
    try (HandoverChannel channel = stateTaken()) {
      channel.send(Step.HELLO);
      channel.send(Step.TAKEN);
      assertTold("freeze", "pause", "take back in doubt", "failed", "thaw");
      assertTrue(process.waitFor(20, TimeUnit.SECONDS), "it was killed");
    }
  }

  @Test
  void aGatewayThatCannotKeepItsGuardAgainEnds() throws Exception {
    gateway.loseNft();
    try (Predecessor predecessor = Predecessor.find(folder, "cv0", "wireguard").orElseThrow()) {
      predecessor.prepare().close();
    }
    assertTold(
        "freeze",
        "failed",
        "give up: it cannot keep its guard after a hand-over that failed: nft is gone");
  }

  @Test
  void nonsenseCostsOneConnectionAndTheNextSuccessorIsServed() throws Exception {
    try (DescriptorSocket socket =
        DescriptorSocket.connect(HandoverServer.path(folder, gateway.interfaceName()))) {
      socket.send(new byte[] {1, 2, 3}, List.of());
      assertThrows(IOException.class, () -> socket.receive(PATIENCE));
    }
    assertNextIsServed();
  }

  private void assertNextIsServed() throws IOException {
    try (Predecessor predecessor = Predecessor.find(folder, "cv0", "wireguard").orElseThrow()) {
      predecessor.prepare().close();
    }
  }

  @Test
  void aSecondSuccessorIsNotServedAfterTheFirstHasTakenOver() throws Exception {
    try (HandoverChannel first = stateTaken();
        HandoverChannel second =
            greet(HandoverServer.FORMAT, HandoverServer.FORMAT, "cv0", "wireguard")) {
      first.send(Step.TAKEN);
      assertTold("freeze", "pause", "leave");
      server.close();
      assertThrows(HandoverException.class, () -> second.await(Step.WELCOME, PATIENCE));
      assertTold("freeze", "pause", "leave");
    }
    server = HandoverServer.open(folder, gateway);
  }

  /** It may be the successor's by then. */
  @Test
  void theNameOfTheSocketIsLeftToTheSuccessor() throws Exception {
    try (HandoverChannel first = stateTaken()) {
      first.send(Step.TAKEN);
      assertTold("freeze", "pause", "leave");
      server.close();
      assertTrue(Files.exists(HandoverServer.path(folder, "cv0")));
      assertTrue(Predecessor.find(folder, "cv0", "wireguard").isEmpty(), "nobody listens");
    }
    server = HandoverServer.open(folder, gateway);
    server.close();
    assertFalse(Files.exists(HandoverServer.path(folder, "cv0")));
    server = HandoverServer.open(folder, gateway);
  }

  @Test
  void aSecondSuccessorThatWaitsIsToldThatAThirdMayHaveTheGateway() throws Exception {
    server.close();
    Path path = HandoverServer.path(folder, gateway.interfaceName());
    try (DescriptorSocket.Listener busy = DescriptorSocket.Listener.open(path)) {
      CompletableFuture<Throwable> second =
          CompletableFuture.supplyAsync(
              () ->
                  assertThrows(
                      HandoverException.class, () -> Predecessor.find(folder, "cv0", "wireguard")));
      busy.accept(PATIENCE).close();
      String told = second.get(20, TimeUnit.SECONDS).toString();
      assertTrue(told.contains("has handed over to a third one"), told);
    }
    server = HandoverServer.open(folder, gateway);
  }

  @Test
  void aSuccessorOfAnotherUserIsRefusedWithoutAWordToTheGateway() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "only root may give files away");
    assertTrue(Predecessor.mayHandOver(folder, "cv0"));
    assertFalse(Predecessor.mayHandOver(folder, "cv1"));
    Files.setAttribute(HandoverServer.path(folder, "cv0"), "unix:uid", 65_534);
    String told =
        assertThrows(HandoverException.class, () -> Predecessor.mayHandOver(folder, "cv0"))
            .toString();
    assertTrue(told.contains("belongs to user 65534 and this process to user 0"), told);
    assertTold();
  }

  @Test
  void nobodyIsFoundAtTheSocketOfADeadProcess() throws Exception {
    server.close();
    assertTrue(Predecessor.find(folder, "cv0", "wireguard").isEmpty());
    server = HandoverServer.open(folder, gateway);
  }
}
