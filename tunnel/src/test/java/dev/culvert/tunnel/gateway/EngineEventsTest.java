// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.state.HandshakeTimestamps;
import java.util.ArrayList;
import java.util.List;
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

  private record Complaint(String peer) implements TunnelEvent.Notice {
    @Override
    public String message() {
      return "no keys with " + peer;
    }

    @Override
    public boolean isWarning() {
      return true;
    }
  }

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
      events.accept(new Complaint("node-7"));
    }
    assertTrue(lines.list.size() <= 10, lines.list.size() + " lines");
    assertEquals(1000, notices.size());
  }
}
