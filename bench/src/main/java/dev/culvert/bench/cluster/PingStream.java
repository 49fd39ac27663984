// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.cluster;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Namespace;
import java.time.Duration;
import java.util.BitSet;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Echo requests, one hundred per second, until they are stopped. */
final class PingStream implements AutoCloseable {
  private static final String INTERVAL = "0.01";
  private static final Pattern REPLY =
      Pattern.compile("\\[(\\d+\\.\\d+)] \\d+ bytes from .*icmp_seq=(\\d+) .*time=([\\d.]+) ms\n");

  private final Daemon ping;

  PingStream(Namespace from, String address) {
    ping = from.start("ping", "-n", "-D", "-i", INTERVAL, address);
  }

  /**
   * The outcome of a stream.
   *
   * @param sent requests from the first to the last answered one
   * @param lost those of them without an answer
   * @param longest round trip in milliseconds: a lane that stands still makes it longer
   */
  record Result(int sent, int lost, double longest) {}

  /**
   * Waits for the first answer.
   *
   * @return when it came, in seconds since 1970
   */
  double firstAnswer(Duration patience) {
    ping.await("an answer", patience, () -> first().isPresent());
    return first().orElseThrow();
  }

  private OptionalDouble first() {
    Matcher reply = REPLY.matcher(ping.output());
    return reply.find()
        ? OptionalDouble.of(Double.parseDouble(reply.group(1)))
        : OptionalDouble.empty();
  }

  /** Ends the stream, and counts. */
  Result stop() {
    ping.signal("INT");
    ping.awaitEnd(Commands.PATIENCE);
    BitSet answered = new BitSet();
    double longest = 0;
    Matcher reply = REPLY.matcher(ping.output());
    int round = 0;
    int before = 0;
    while (reply.find()) {
      // The number of a request has 16 bits.
      int number = Integer.parseInt(reply.group(2));
      round += number < before - Short.MAX_VALUE ? 1 << Short.SIZE : 0;
      before = number;
      answered.set(round + number);
      longest = Math.max(longest, Double.parseDouble(reply.group(3)));
    }
    if (answered.isEmpty()) {
      throw new LabException("no echo request was answered: " + ping.output());
    }
    int sent = answered.length() - answered.nextSetBit(0);
    return new Result(sent, sent - answered.cardinality(), longest);
  }

  @Override
  public void close() {
    ping.close();
  }
}
