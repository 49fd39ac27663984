// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import java.time.Duration;
import java.util.Map;

/** Numbered datagrams from one pod to the other. */
public final class NumberedFlow implements AutoCloseable {
  private static final String PORT = "9002";

  private final Daemon receiver;
  private final Daemon sender;

  /**
   * The outcome of the flow.
   *
   * @param lost sent and never received
   */
  public record Outcome(long sent, long lost) {}

  /** Starts a flow of a thousand per second; it goes on until {@link #finish}. */
  public NumberedFlow(Namespace from, Namespace to, String address, String text) {
    this(from, to, address, text, 1);
  }

  /** The same with so many thousand per second. */
  public NumberedFlow(
      Namespace from, Namespace to, String address, String text, int thousandsPerSecond) {
    receiver = to.start(Map.of(), Traffic.command("udp-numbers", PORT));
    receiver.awaitOutput("listening");
    sender =
        from.start(
            Map.of(),
            Traffic.command(
                "udp-count", address, PORT, text, Integer.toString(thousandsPerSecond)));
    sender.awaitOutput("sending");
  }

  /** Ends the flow, and waits for the datagrams under way. */
  public Outcome finish() {
    sender.signal("TERM");
    sender.awaitEnd(Commands.PATIENCE);
    long sent = Long.parseLong(sender.awaitLine("sent "));
    Waiting.pause(Duration.ofMillis(300));
    receiver.signal("TERM");
    receiver.awaitEnd(Commands.PATIENCE);
    long received = Long.parseLong(receiver.awaitLine("distinct "));
    return new Outcome(sent, sent - received);
  }

  @Override
  public void close() {
    sender.close();
    receiver.close();
  }
}
