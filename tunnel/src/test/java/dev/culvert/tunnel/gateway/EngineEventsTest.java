// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.culvert.log.LineLimit;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.global.KeyingNotice;
import dev.culvert.tunnel.state.HandshakeTimestamps;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Events of one peer fill no log and hide no other peer's, and every notice is passed on. */
class EngineEventsTest {
  private final Logger logger = (Logger) LoggerFactory.getLogger(EngineEvents.class);
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
  private final List<TunnelEvent.Notice> notices = new ArrayList<>();
  private HandshakeTimestamps timestamps;

  @BeforeEach
  void listen() throws Exception {
    timestamps = HandshakeTimestamps.open("test0", null, minimum -> {});
    logger.setLevel(Level.INFO);
    logger.addAppender(lines);
    lines.start();
  }

  @AfterEach
  void stop() {
    logger.detachAppender(lines);
    logger.setLevel(null);
  }

  private static Endpoint at(int port) {
    return Endpoint.of(IpAddress.parse("192.0.2.1"), port);
  }

  @Test
  void aPeerThatMovesWithEachPacketFillsNoLogAndHidesNoOther() {
    EngineEvents events = new EngineEvents("test0", timestamps, notices::add);
    for (int port = 1; port < 10_000; port++) {
      events.accept(new TunnelEvent.EndpointMoved("restless", at(port), at(port + 1)));
    }
    assertTrue(lines.list.size() <= 10, lines.list.size() + " lines");
    int before = lines.list.size();
    events.accept(new TunnelEvent.EndpointMoved("calm", at(1), at(2)));
    assertEquals(before + 1, lines.list.size());
  }

  @Test
  void aComplaintThatPacketsCauseIsWrittenNowAndThenAndStillTold() {
    EngineEvents events = new EngineEvents("test0", timestamps, notices::add);
    for (int i = 0; i < 1000; i++) {
      events.accept(new KeyingNotice.RangesDiffer("node-7", "10.0.0.0/8 is not theirs"));
    }
    assertTrue(lines.list.size() <= 10, lines.list.size() + " lines");
    assertEquals(1000, notices.size());
  }

  @Test
  void aFloodOfBadHandshakesFromManyAddressesWritesFewLines() {
    EngineEvents events = new EngineEvents("test0", timestamps, notices::add);
    long before = LineLimit.ofProcess().suppressed();
    long begin = System.nanoTime();
    int flood = 100_000;
    for (int i = 0; i < flood; i++) {
      events.accept(
          new TunnelEvent.HandshakeRefused(
              Endpoint.of(IpAddress.ofV4(0x0a000000 + i), 51820), DropReason.BAD_HANDSHAKE));
    }
    long seconds = 1 + (System.nanoTime() - begin) / 1_000_000_000;
    assertTrue(lines.list.size() <= 20 + 2 * seconds, lines.list.size() + " lines");
    assertEquals(flood - lines.list.size(), LineLimit.ofProcess().suppressed() - before);
    ILoggingEvent first = lines.list.getFirst();
    assertEquals(
        "test0: a handshake from 10.0.0.0:51820 was refused: bad_handshake",
        first.getFormattedMessage());
    assertEquals(
        Map.of(
            "event", "handshake.refused",
            "interface", "test0",
            "endpoint", "10.0.0.0:51820",
            "reason", "bad_handshake"),
        fields(first));
  }

  @Test
  void aStepOfARotationNamesTheKey() {
    EngineEvents events = new EngineEvents("test0", timestamps, notices::add);
    events.accept(new KeyingNotice.RotationMissed("node-8", 5, 4));
    assertEquals(
        Map.of("event", "rotation.missed", "interface", "test0", "peer", "node-8", "epoch", "4"),
        fields(lines.list.getFirst()));
  }

  private static Map<String, String> fields(ILoggingEvent line) {
    return line.getKeyValuePairs().stream()
        .collect(Collectors.toMap(pair -> pair.key, pair -> pair.value.toString()));
  }
}
