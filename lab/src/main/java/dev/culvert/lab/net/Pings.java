// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Pings of which none may be lost, on a busy machine too. Without a deadline, {@code ping} waits
 * for the last replies no longer than an interval or two round trips, and counts later ones as
 * lost. With one it waits, and goes on pinging, until as many were answered as were asked for: then
 * those have to be the first ones.
 */
public final class Pings {
  private static final Pattern REPLY = Pattern.compile(" bytes from .* icmp_seq=(\\d+) ");

  private static final Pattern SENT = Pattern.compile("(\\d+) packets transmitted");

  private Pings() {}

  /** Pings until {@code count} are answered, for ten seconds at most. */
  public static Commands.Result send(
      Namespace from, int count, String interval, String to, String... options) {
    return from.attempt(command(count, 10, interval, to, options).toArray(String[]::new));
  }

  /**
   * Begins to ping until {@code count} are answered, for ten seconds longer at most than they take.
   */
  public static Daemon start(
      Namespace from, int count, String interval, String to, String... options) {
    long seconds = 10 + Math.round(count * Double.parseDouble(interval));
    return from.start(Map.of(), command(count, seconds, interval, to, options));
  }

  private static List<String> command(
      int count, long seconds, String interval, String to, String... options) {
    List<String> command = new ArrayList<>(List.of("ping", "-n", "-c", Integer.toString(count)));
    command.addAll(List.of("-w", Long.toString(seconds), "-i", interval, to));
    command.addAll(List.of(options));
    return command;
  }

  /** Whether the first {@code count} pings were all answered. */
  public static boolean allAnswered(Commands.Result ping, int count) {
    return allAnswered(ping.out(), count);
  }

  /** The same of the output of {@code ping}. */
  public static boolean allAnswered(String output, int count) {
    return unanswered(output, count) == 0;
  }

  /** How many were sent, in the output of a {@code ping} that has ended. */
  public static long sent(String output) {
    Matcher sent = SENT.matcher(output);
    if (!sent.find()) {
      throw new LabException("no statistics of ping: " + output);
    }
    return Long.parseLong(sent.group(1));
  }

  /** How many of the first {@code count} pings have no answer in the output of {@code ping}. */
  public static long unanswered(String output, int count) {
    Set<Integer> answered =
        REPLY
            .matcher(output)
            .results()
            .map(reply -> Integer.valueOf(reply.group(1)))
            .collect(Collectors.toSet());
    return IntStream.rangeClosed(1, count).filter(ping -> !answered.contains(ping)).count();
  }
}
