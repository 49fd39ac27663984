// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Pings;
import dev.culvert.lab.net.Traffic;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Traffic from one pod to the other: a TCP stream full of the marker, and pings beside it. */
public final class LabFlow implements AutoCloseable {
  private static final String PORT = "9000";
  private static final Pattern RTT = Pattern.compile("time=([0-9.]+) ms");
  private static final int PINGS_PER_SECOND = 5;

  private final Daemon receiver;
  private final Daemon sender;
  private final Daemon ping;
  private final int pings;
  private final Duration duration;

  /**
   * Starts the flow.
   *
   * @param to an address of {@code receiving}
   */
  public LabFlow(
      Namespace sending, Namespace receiving, String to, Duration duration, String marker) {
    this.duration = duration;
    receiver = receiving.start(Map.of(), Traffic.command("tcp-serve", PORT));
    receiver.awaitOutput("listening");
    pings = (int) Math.max(1, duration.toMillis() * PINGS_PER_SECOND / 1000);
    ping = ping(sending, to, pings, marker);
    sender =
        sending.start(
            Map.of(),
            Traffic.command("tcp-text", to, PORT, Long.toString(duration.toMillis()), marker));
  }

  /** Pings that carry the marker: ping repeats a pattern of up to 16 bytes. */
  private static Daemon ping(Namespace from, String to, int count, String marker) {
    String pattern = HexFormat.of().formatHex(marker.getBytes(UTF_8), 0, 16);
    return Pings.start(from, count, "0.2", to, "-s", "500", "-p", pattern);
  }

  boolean isRunning() {
    return sender.isAlive() || ping.isAlive();
  }

  /**
   * Bytes that arrived so far. The last line counts only once it is complete, since its number may
   * be cut.
   */
  long received() {
    String output = receiver.output();
    return output
        .substring(0, output.lastIndexOf('\n') + 1)
        .lines()
        .filter(line -> line.startsWith("progress ") || line.startsWith("received "))
        .reduce((first, last) -> last)
        .map(line -> line.split(" ", -1)[1])
        .filter(number -> !number.isEmpty())
        .map(Long::parseLong)
        .orElse(0L);
  }

  /** The latest round trip in milliseconds. */
  Optional<String> roundTrip() {
    Matcher times = RTT.matcher(ping.output());
    Optional<String> last = Optional.empty();
    while (times.find()) {
      last = Optional.of(times.group(1));
    }
    return last;
  }

  /** Whether the bytes that arrived are the bytes that were sent, once both ends are done. */
  public boolean arrivedUnchanged() {
    if (sender.awaitEnd(duration.plus(Commands.PATIENCE)) != 0) {
      return false;
    }
    String sent = Daemon.lineOf(sender.output(), "sent ").orElse("nothing");
    return receiver.awaitLine("received ").equals(sent);
  }

  /** Percent of the pings without an answer, once they are done. */
  public double pingLoss() {
    ping.awaitEnd(duration.plus(Commands.PATIENCE));
    return 100.0 * Pings.unanswered(ping.output(), pings) / pings;
  }

  @Override
  public void close() {
    sender.close();
    ping.close();
    receiver.close();
  }
}
