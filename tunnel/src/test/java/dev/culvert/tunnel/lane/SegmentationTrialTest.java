// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.lane.SimulatedTransfer.Peer;
import dev.culvert.tunnel.offload.TcpSegment;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each rule by which a trial tells a lost train from one that arrived. */
class SegmentationTrialTest {
  private static final int FIRST = -1500;
  private static final int MSS = 1000;
  private static final String SACK = "0101050a0000000000000000";
  private static final String TIMESTAMPS = "0101080a0000000000000000";
  private static final int FLAG_ACK = 0x10;

  private final TrainTrial trial = new TrainTrial();
  private final TcpSegment segment = new TcpSegment();
  private String source = "10.0.1.1";
  private String destination = "10.0.2.1";
  private int sourcePort = 40_000;
  private int destinationPort = 5201;
  private int flags = FLAG_ACK;
  private long now = 1_000_000_000;

  private TcpSegment read(boolean back, int sequence, int answer, String options, int payload) {
    IpAddress from = IpAddress.parse(back ? destination : source);
    IpAddress to = IpAddress.parse(back ? source : destination);
    byte[] more = HexFormat.of().parseHex(options);
    int tcp = 20 + more.length + payload;
    ByteBuffer out = ByteBuffer.allocate((from.v4() ? 20 : 40) + tcp);
    if (from.v4()) {
      out.putShort((short) 0x4500).putShort((short) out.capacity()).putInt(0x4000);
      out.putShort((short) 0x4006).putShort((short) 0);
    } else {
      out.putInt(0x6000_0000).putShort((short) tcp).putShort((short) 0x0640);
    }
    out.put(from.toBytes()).put(to.toBytes());
    out.putShort((short) (back ? destinationPort : sourcePort));
    out.putShort((short) (back ? sourcePort : destinationPort));
    out.putInt(sequence).putInt(answer);
    out.put((byte) (((20 + more.length) / 4) << 4)).put((byte) flags);
    out.putShort((short) 500).putInt(0).put(more);
    MemorySegment memory = Arena.ofAuto().allocate(out.capacity());
    memory.copyFrom(MemorySegment.ofArray(out.array()));
    assertTrue(segment.read(memory, 0, out.capacity()));
    return segment;
  }

  /** A train leaves that begins so many bytes behind the first. */
  private void train(int at) {
    trial.trainLeaves(read(false, FIRST + at, 0, "", MSS), now);
  }

  private void single(int at, int payload) {
    trial.packetLeaves(read(false, FIRST + at, 0, "", payload));
  }

  /** Everything before this byte is acknowledged; returns the losses in a row. */
  private int answered(int before, String options) {
    return trial.segmentArrives(read(true, 7, FIRST + before, options, 0), now);
  }

  /** Loses so many trains; returns the byte that is expected next. */
  private int lose(int trains) {
    for (int i = 0; i < trains; i++) {
      train(i * MSS);
      single(i * MSS, MSS);
      assertEquals(i + 1, answered((i + 1) * MSS, ""));
    }
    return trains * MSS;
  }

  private void assertJudged() {
    assertFalse(trial.isOpen(now));
  }

  private void assertNotJudged() {
    assertTrue(trial.isOpen(now));
  }

  /** The next loss is the first. */
  private void assertForgotten(int next) {
    assertJudged();
    train(next);
    single(next, MSS);
    assertEquals(1, answered(next + MSS, ""));
  }

  @Test
  void aTrainThatIsAcknowledgedHasArrived() {
    int next = lose(3);
    train(next);
    assertEquals(0, answered(next + 1, ""));
    assertForgotten(next + MSS);
  }

  @Test
  void anAcknowledgementOfEarlierDataSaysNothing() {
    int next = lose(3);
    train(next);
    single(next, MSS);
    assertEquals(0, answered(next, ""));
    assertEquals(0, answered(next - MSS, SACK));
    assertNotJudged();
    assertEquals(4, answered(next + MSS, ""));
  }

  @Test
  void aRangeBehindTheBeginningShowsThatTheTrainArrivedWithAGap() {
    int next = lose(3);
    train(next);
    assertEquals(0, answered(next, TIMESTAMPS));
    assertEquals(0, answered(next - 1, SACK));
    assertNotJudged();
    assertEquals(0, answered(next, SACK));
    assertForgotten(next);
  }

  @ParameterizedTest
  @ValueSource(ints = {-MSS, 0, 5 * MSS})
  void aRangeSaysNothingOfTheTrainIfOtherDataHasLeft(int other) {
    train(0);
    single(other, MSS);
    assertEquals(0, answered(0, SACK));
    assertNotJudged();
  }

  @ParameterizedTest
  @ValueSource(ints = {-MSS, 0, 5 * MSS})
  void dataThatLeftBehindOneTrainSaysNothingOfTheNext(int other) {
    train(0);
    single(other, MSS);
    answered(MSS, "");
    train(MSS);
    assertEquals(0, answered(MSS, SACK));
    assertJudged();
  }

  @Test
  void theRestOfTheTrainIsAcknowledgedWithTheRepeatedPacketIfItHasArrived() {
    int next = lose(3);
    train(next);
    single(next, MSS);
    assertEquals(0, answered(next + MSS + 1, ""));
    assertForgotten(next + MSS + 1);
  }

  /** It ends before the train, or is part of the train's first packet. */
  @ParameterizedTest
  @CsvSource({"-1000, 1000", "0, 999"})
  void dataBeforeTheRestOfTheTrainDoesNotHideThatTheRestHasArrived(int at, int size) {
    int next = lose(3);
    train(next);
    single(next + at, size);
    single(next, MSS);
    assertEquals(0, answered(next + MSS + 1, ""));
    assertForgotten(next + MSS + 1);
  }

  @Test
  void aTrainIsLostIfEarlierDataIsRepeatedAndNoMoreThanThatArrives() {
    train(0);
    single(-MSS, MSS);
    single(0, MSS);
    assertEquals(1, answered(MSS, ""));
  }

  @Test
  void aTrainIsLostIfASmallerPacketHasTheRestOfWhatArrives() {
    train(0);
    single(1 - MSS, MSS);
    single(0, MSS - 1);
    assertEquals(1, answered(MSS - 1, ""));
  }

  /** The first acknowledgements without SACK let a sender send new packets (RFC 3042). */
  @ParameterizedTest
  @CsvSource({"1, true", "0, false"})
  void dataFartherAheadThanTheRepeatedPacketDoesNotHideTheRest(int gap, boolean arrived) {
    train(0);
    single(10 * MSS, MSS);
    single(MSS + gap, MSS);
    single(20 * MSS, MSS);
    single(0, MSS);
    assertEquals(arrived ? 0 : 1, answered(10 * MSS, ""));
    assertJudged();
  }

  @ParameterizedTest
  @CsvSource({
    "0, 1000, true",
    "-1, 1001, true",
    "-999, 1000, true",
    "-1000, 1000, false", // ends before the watched byte
    "1, 1000, false", // begins behind it
    "0, 999, false", // smaller than the lost one: the path may lose large packets
  })
  void aRepetitionHasTheWatchedByteAndTheSizeOfTheLostPacket(int at, int size, boolean repeated) {
    train(0);
    single(at, size);
    assertEquals(repeated ? 1 : 0, answered(1, ""));
    assertJudged();
  }

  @Test
  void theLongestRepetitionCounts() {
    train(0);
    single(0, 3 * MSS);
    single(0, MSS);
    assertEquals(1, answered(3 * MSS, ""));
  }

  @Test
  void packetsOfOtherFlowsSayNothing() {
    assertSayNothing(
        () -> source = "10.0.1.2",
        () -> destination = "10.0.2.2",
        () -> sourcePort++,
        () -> destinationPort++);
  }

  /** Each half of each address differs once at its beginning and once at its end. */
  @Test
  void packetsOfIpv6FlowsThatDifferInHalfAnAddressSayNothing() {
    flowIsIpv6();
    assertSayNothing(
        () -> source = "fd0b:0:0:1::11",
        () -> source = "fd0a:0:0:3::11",
        () -> source = "fd0a:0:0:1:1::11",
        () -> source = "fd0a:0:0:1::33",
        () -> destination = "fd0b:0:0:2::22",
        () -> destination = "fd0a:0:0:3::22",
        () -> destination = "fd0a:0:0:2:1::22",
        () -> destination = "fd0a:0:0:2::33");
  }

  /** The halves of both addresses are four different numbers. */
  private void flowIsIpv6() {
    source = "fd0a:0:0:1::11";
    destination = "fd0a:0:0:2::22";
  }

  /**
   * Each change makes another flow; its data is no repetition, and its acknowledgement no answer.
   */
  private void assertSayNothing(Runnable... changes) {
    train(0);
    for (Runnable change : changes) {
      String oldSource = source;
      String oldDestination = destination;
      int oldSourcePort = sourcePort;
      int oldDestinationPort = destinationPort;
      change.run();
      single(0, MSS);
      answered(MSS, "");
      assertNotJudged();
      source = oldSource;
      destination = oldDestination;
      sourcePort = oldSourcePort;
      destinationPort = oldDestinationPort;
    }
    assertEquals(0, answered(MSS, ""), "nothing was repeated");
    assertJudged();
  }

  @Test
  void lostTrainsOfAnIpv6FlowAreCountedUntilOneArrives() {
    flowIsIpv6();
    int next = lose(3);
    train(next);
    assertEquals(0, answered(next + 1, ""));
    assertForgotten(next + MSS);
  }

  @Test
  void aSegmentThatAcknowledgesNothingSaysNothing() {
    train(0);
    flags = 0;
    answered(MSS, "");
    assertNotJudged();
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1000"})
  void anotherTrainIsWatchedOnlyIfTheFirstIsNotAnsweredInTime(long late, int watched) {
    train(0);
    now += TrainTrial.PATIENCE_NANOS + late;
    train(MSS);
    single(watched, MSS);
    assertEquals(1, answered(watched + MSS, ""));
  }

  @Test
  void aTrainWithEarlierDataOfTheFlowIsWatchedInstead() {
    train(MSS);
    train(0);
    single(0, MSS);
    assertEquals(1, answered(MSS, ""));
  }

  @Test
  void aTrainWithTheSameDataIsNoOther() {
    train(0);
    single(0, MSS);
    train(0);
    assertEquals(1, answered(MSS, ""));
  }

  @Test
  void aTrainOfAnotherFlowWithLowerNumbersIsNoEarlierData() {
    train(MSS);
    sourcePort++;
    train(0);
    sourcePort--;
    single(MSS, MSS);
    assertEquals(1, answered(2 * MSS, ""));
  }

  @ParameterizedTest
  @CsvSource({"0, 4", "1, 1"})
  void lossesAreForgottenAfterAMinute(long late, int counted) {
    int next = lose(3);
    now += TrainTrial.MEMORY_NANOS + late;
    train(next);
    single(next, MSS);
    assertEquals(counted, answered(next + MSS, ""));
  }

  @Test
  void lossesAreForgottenAlthoughTrainsWithoutAnAnswerFollow() {
    int next = lose(3);
    for (int i = 0; i < 100; i++) {
      now += TrainTrial.MEMORY_NANOS / 10;
      train(next);
    }
    single(next, MSS);
    assertEquals(1, answered(next + MSS, ""));
  }

  @Test
  void theNextTrainIsWatchedAfterAPause() {
    train(0);
    assertTrue(trial.wantsTrain(now));
    now += TrainTrial.PAUSE_NANOS;
    answered(MSS, "");
    now += TrainTrial.PAUSE_NANOS;
    assertFalse(trial.wantsTrain(now));
    assertTrue(trial.wantsTrain(now + 1));
  }

  @Test
  void aClockMayBeginBelowZero() {
    now = -TrainTrial.PAUSE_NANOS;
    assertTrue(trial.wantsTrain(now));
  }

  @Test
  void theTrainBehindALostOneIsWatchedAtOnce() {
    lose(1);
    assertTrue(trial.wantsTrain(now));
  }

  @Test
  void anotherPeerGetsTheTrialsIfNothingIsRemembered() {
    Peer peer = new Peer();
    assertTrue(trial.isFree(now));
    trial.give(peer);
    assertTrue(trial.isOf(peer));
    train(0);
    assertFree(TrainTrial.PATIENCE_NANOS);
    answered(MSS, "");
    assertFree(TrainTrial.PAUSE_NANOS);
    lose(1);
    assertFree(TrainTrial.MEMORY_NANOS);
    train(MSS);
    trial.give(new Peer());
    assertFalse(trial.isOf(peer));
    assertForgotten(0);
  }

  @Test
  void nothingOfAPeerIsKeptWhenTheTrialsEnd() {
    Peer peer = new Peer();
    trial.give(peer);
    train(0);
    trial.clear();
    assertFalse(trial.isOf(peer));
    assertFalse(trial.isOpen(now));
  }

  /** Not before then. */
  private void assertFree(long after) {
    assertFalse(trial.isFree(now + after));
    assertTrue(trial.isFree(now + after + 1));
  }
}
