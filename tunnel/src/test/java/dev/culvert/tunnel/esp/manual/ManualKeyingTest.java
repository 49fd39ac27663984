// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.manual;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.UnclaimedSecrets;
import dev.culvert.tunnel.esp.global.KeyingNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * A manual SA sends only under sequence numbers reserved for it, never reuses one, and stops
 * sending if the reservation is refused or in doubt.
 */
class ManualKeyingTest {
  private static final String PEER = "foreign";

  /** A record in memory, and a count of how often it was written. */
  private static final class Memory implements SequenceStore {
    long reserved = 1;
    String refusal = "";

    @Override
    public Block reserve(String fingerprint, long count, long spaceEnd)
        throws SequenceRefusedException {
      if (!refusal.isEmpty()) {
        throw new SequenceRefusedException(refusal);
      }
      Block block = new Block(reserved, Math.min(reserved + count, spaceEnd));
      reserved = block.end();
      return block;
    }
  }

  private final Memory store = new Memory();

  private static ManualSa sa(int seed, boolean esn) {
    byte[] key = new byte[16];
    new Random(seed).nextBytes(key);
    return new ManualSa(PEER, 0x1000 + seed, SecretBytes.owning(key), 7, esn);
  }

  private ManualKeying keying(boolean esn) {
    ManualKeying keying = new ManualKeying(List.of(sa(1, esn)), List.of(sa(2, esn)), store);
    IpAddress here = IpAddress.parse("192.0.2.1");
    IpAddress there = IpAddress.parse("192.0.2.9");
    keying.peers(
        List.of(new EspPeerSettings(PEER, here, there, Endpoint.of(there, 4500), KeyingNode.ANY)));
    return keying;
  }

  private static List<KeyingEvent> drain(ManualKeying keying) {
    List<KeyingEvent> events = new ArrayList<>();
    for (KeyingEvent event = keying.pollEvent(); event != null; event = keying.pollEvent()) {
      events.add(event);
    }
    return events;
  }

  private static KeyingEvent.UseOutbound outbound(ManualKeying keying) {
    return assertInstanceOf(KeyingEvent.UseOutbound.class, drain(keying).getLast());
  }

  private static String notice(ManualKeying keying) {
    return Objects.requireNonNull(keying.pollNotice()).message();
  }

  @Test
  void onlyReservedNumbersAreHandedToTheEngine() {
    KeyingEvent.UseOutbound use = outbound(keying(true));
    assertEquals(1, use.sa().firstSequence());
    assertEquals(store.reserved, use.sa().sequenceLimit());
  }

  @Test
  void aRestartNeverReusesANumber() {
    long before = 1;
    for (int restart = 0; restart < 100; restart++) {
      KeyingEvent.UseOutbound use = outbound(keying(true));
      assertEquals(before, use.sa().firstSequence());
      before = use.sa().sequenceLimit();
    }
  }

  /** Nobody knows which numbers its other life has used, and there is no other key. */
  @Test
  void aMachineThatWasRestoredSendsNothingMoreAndStillReceives() {
    ManualKeying keying = keying(true);
    drain(keying);
    long reserved = store.reserved;
    keying.startAfresh(0, 0);
    List<KeyingEvent> events = drain(keying);
    assertInstanceOf(KeyingEvent.AddInbound.class, events.getFirst());
    assertInstanceOf(KeyingEvent.StopSending.class, events.getLast());
    assertEquals(2, events.size());
    assertEquals(reserved, store.reserved);
    keying.wanted(PEER, 0);
    assertInstanceOf(KeyingEvent.StopSending.class, drain(keying).getLast());
    assertEquals("manual SA", notice(keying).substring(0, 9));
  }

  @Test
  void theNextBlockIsReservedBeforeTheLastIsUsed() {
    ManualKeying keying = keying(true);
    KeyingEvent.UseOutbound use = outbound(keying);
    SaKeyId key = use.sa().keyId();
    keying.runningLow(PEER, key, use.sa().noticeAt(), 0);
    KeyingEvent.ExtendOutbound extend =
        assertInstanceOf(KeyingEvent.ExtendOutbound.class, drain(keying).getLast());
    assertEquals(store.reserved, extend.sequenceLimit());
    assertEquals(use.sa().sequenceLimit() + ManualKeying.BLOCK, extend.sequenceLimit());
  }

  @Test
  void theEndOfTheSpaceIsAHardStopNeverAWrap() {
    store.reserved = (1L << 32) - 10;
    ManualKeying keying = keying(false);
    KeyingEvent.UseOutbound use = outbound(keying);
    assertEquals(1L << 32, use.sa().sequenceLimit());
    assertEquals(1L << 32, use.sa().noticeAt(), "nothing is left to ask for");
    ManualKeying restarted = keying(false);
    assertInstanceOf(KeyingEvent.StopSending.class, drain(restarted).getLast());
    notice(keying);
    assertEquals(
        "manual SA 00001002 to foreign does not send: all its sequence numbers are used: it needs a"
            + " new key",
        notice(restarted));
  }

  @Test
  void threeQuartersOfTheSpaceAreWarnedOf() {
    store.reserved = 3L << 30;
    ManualKeying keying = keying(false);
    assertEquals(
        "manual SA 00001002 to foreign has used 75 % of its sequence numbers: give both ends a new"
            + " key",
        notice(keying));
    store.reserved = 1L << 30;
    assertNull(keying(false).pollNotice());
  }

  @Test
  void aRefusedReservationMeansNoSendingButReceivingGoesOn() {
    store.refusal = "gone";
    ManualKeying keying = keying(true);
    List<KeyingEvent> events = drain(keying);
    assertInstanceOf(KeyingEvent.AddInbound.class, events.getFirst());
    assertInstanceOf(KeyingEvent.StopSending.class, events.getLast());
    assertEquals("manual SA 00001002 to foreign does not send: gone", notice(keying));
  }

  @Test
  void aStoreThatGoesBackWhileRunningIsNotBelieved() {
    ManualKeying keying = keying(true);
    KeyingEvent.UseOutbound use = outbound(keying);
    store.reserved = 1;
    keying.runningLow(PEER, use.sa().keyId(), use.sa().noticeAt(), 0);
    assertEquals(List.of(), drain(keying));
    assertEquals(
        "manual SA 00001002 to foreign does not send: numbers from 1 were reserved before",
        notice(keying));
  }

  @Test
  void numbersThatAnotherProcessReservedAreLeftOut() {
    ManualKeying keying = keying(true);
    KeyingEvent.UseOutbound use = outbound(keying);
    store.reserved += 5;
    keying.runningLow(PEER, use.sa().keyId(), use.sa().noticeAt(), 0);
    KeyingEvent.MoveOutbound move =
        assertInstanceOf(KeyingEvent.MoveOutbound.class, drain(keying).getLast());
    assertEquals(use.sa().sequenceLimit() + 5, move.firstSequence());
    assertEquals(store.reserved, move.sequenceLimit());
    assertEquals(
        "manual SA 00001002 to foreign leaves out its sequence numbers from 1048577 to below"
            + " 1048582, which another process reserved",
        notice(keying));
  }

  private static KeyingState read(ManualKeying from, ManualKeying by) throws StateException {
    try (StateWriter out = new StateWriter()) {
      from.save(out, 0);
      return by.read(
          new StateReader(out.written()),
          new KeyingState.Context(Map.of(), new UnclaimedSecrets(), 0));
    }
  }

  @Test
  void aSuccessorGoesOnWithItsOwnBlockBehindThatOfTheProcessBefore() throws StateException {
    ManualKeying before = keying(true);
    long end = outbound(before).sa().sequenceLimit();
    ManualKeying successor = keying(true);
    KeyingEvent.UseOutbound use = outbound(successor);
    assertEquals(end, use.sa().firstSequence());
    read(before, successor).takeOver();
    assertEquals(List.of(), drain(successor));
    assertEquals(end + ManualKeying.BLOCK, store.reserved);
  }

  @Test
  void aSuccessorWhoseBlockCameTooEarlyTakesALaterOne() throws StateException {
    ManualKeying before = keying(true);
    KeyingEvent.UseOutbound use = outbound(before);
    ManualKeying successor = keying(true);
    drain(successor);
    before.runningLow(PEER, use.sa().keyId(), use.sa().noticeAt(), 0);
    KeyingEvent.MoveOutbound theirs =
        assertInstanceOf(KeyingEvent.MoveOutbound.class, drain(before).getLast());
    read(before, successor).takeOver();
    KeyingEvent.MoveOutbound ours =
        assertInstanceOf(KeyingEvent.MoveOutbound.class, drain(successor).getLast());
    assertEquals(theirs.sequenceLimit(), ours.firstSequence());
  }

  @Test
  void aSuccessorWithoutNumbersThatComeLaterDoesNotSend() throws StateException {
    ManualKeying before = keying(true);
    KeyingEvent.UseOutbound use = outbound(before);
    ManualKeying successor = keying(true);
    drain(successor);
    before.runningLow(PEER, use.sa().keyId(), use.sa().noticeAt(), 0);
    store.refusal = "the disk is full";
    read(before, successor).takeOver();
    assertInstanceOf(KeyingEvent.StopSending.class, drain(successor).getLast());
  }

  @Test
  void aProcessThatGoesOnAfterAllTakesNumbersBehindThoseOfItsSuccessor() {
    ManualKeying before = keying(true);
    drain(before);
    ManualKeying successor = keying(true);
    long end = outbound(successor).sa().sequenceLimit();
    before.goOn();
    KeyingEvent.MoveOutbound move =
        assertInstanceOf(KeyingEvent.MoveOutbound.class, drain(before).getLast());
    assertEquals(end, move.firstSequence());
  }

  @Test
  void aProcessThatGoesOnKeepsItsOwnNumbersIfThereAreNoOthers() {
    ManualKeying before = keying(true);
    drain(before);
    store.refusal = "the disk is full";
    before.goOn();
    assertEquals(List.of(), drain(before));
  }

  @Test
  void distrustIsHandedOver() throws StateException {
    ManualKeying before = keying(true);
    before.startAfresh(0, 0);
    ManualKeying successor = keying(true);
    drain(successor);
    read(before, successor).takeOver();
    assertInstanceOf(KeyingEvent.StopSending.class, drain(successor).getLast());
  }

  @Test
  void oneKeyForBothDirectionsIsRefused() {
    assertThrows(
        IllegalArgumentException.class,
        () -> new ManualKeying(List.of(sa(1, true)), List.of(sa(1, true)), store));
  }

  @Test
  void aFingerprintTellsKeysApartAndNotTheKey() {
    assertNotEquals(sa(1, true).fingerprint(), sa(2, true).fingerprint());
    assertFalse(sa(1, true).toString().contains("key"));
  }
}
