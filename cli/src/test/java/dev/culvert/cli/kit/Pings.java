// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Namespace;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Pings of which none may be lost, on a busy machine too. Without a deadline, {@code ping} waits
 * for the last replies no longer than an interval or two round trips, and counts as lost what comes
 * later. With one it waits, and goes on pinging, until as many were answered as were asked for:
 * then those have to be the first ones.
 */
public final class Pings {
  private static final Pattern REPLY = Pattern.compile(" bytes from .* icmp_seq=(\\d+) ");

  private Pings() {}

  /** Pings until {@code count} are answered, for ten seconds at most. */
  public static Commands.Result send(
      Namespace from, int count, String interval, String to, String... options) {
    List<String> command =
        new ArrayList<>(
            List.of("ping", "-n", "-c", Integer.toString(count), "-w", "10", "-i", interval, to));
    command.addAll(List.of(options));
    return from.attempt(command.toArray(String[]::new));
  }

  /** Whether the first {@code count} pings were all answered. */
  public static boolean allAnswered(Commands.Result ping, int count) {
    Set<Integer> answered =
        REPLY
            .matcher(ping.out())
            .results()
            .map(reply -> Integer.valueOf(reply.group(1)))
            .collect(Collectors.toSet());
    return IntStream.rangeClosed(1, count).allMatch(answered::contains);
  }
}
