// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The packets that cross a device, read from {@code tcpdump} as they pass. Every packet is searched
 * for markers. {@link #start} returns only when the capture runs.
 */
public final class Capture implements AutoCloseable {
  /** The report that tcpdump makes at SIGUSR1 and in the end. */
  private static final Pattern REPORT =
      Pattern.compile(
          "(\\d+) packets? captured\\D+(\\d+) packets? received by filter\\D+"
              + "(\\d+) packets? dropped by kernel");

  private final Process tcpdump;
  private final Commands.Output messages;
  private final Thread reader;
  private final Map<String, Marker> markers = new LinkedHashMap<>();
  private final LongAdder packets = new LongAdder();
  private final LongAdder bytes = new LongAdder();
  private volatile @Nullable IOException failure;

  /**
   * The state of a capture.
   *
   * @param captured that tcpdump has read
   * @param received that the kernel had for it, with those that it dropped
   * @param dropped by the kernel, for want of room
   */
  private record Report(long captured, long received, long dropped) {
    static List<Report> all(String messages) {
      return REPORT
          .matcher(messages)
          .results()
          .map(
              found ->
                  new Report(
                      Long.parseLong(found.group(1)),
                      Long.parseLong(found.group(2)),
                      Long.parseLong(found.group(3))))
          .toList();
    }
  }

  private Capture(Process tcpdump, Collection<String> texts, Consumer<byte[]> onPacket) {
    this.tcpdump = tcpdump;
    this.messages = new Commands.Output(tcpdump.getErrorStream());
    texts.forEach(text -> markers.put(text, new Marker(text)));
    this.reader = Thread.ofPlatform().name("capture").daemon().start(() -> read(onPacket));
  }

  /**
   * Begins to capture.
   *
   * @param filter in the words of pcap-filter(7), or empty for all
   * @param markers texts that each packet is searched for
   */
  public static Capture start(
      Namespace namespace, String device, String filter, Collection<String> markers) {
    return start(namespace, device, filter, markers, packet -> {});
  }

  /**
   * Begins to capture thousands of packets per second. Each may be seen a second late: so the
   * kernel has room for all packets of 64 MiB, and not only for a thousand.
   */
  public static Capture startOfMany(
      Namespace namespace, String device, Collection<String> markers, Consumer<byte[]> onPacket) {
    return start(namespace, device, "", markers, onPacket, List.of());
  }

  /**
   * Begins to capture, and shows each packet, from its link header on, to {@code onPacket} on a
   * thread of the capture.
   */
  public static Capture start(
      Namespace namespace,
      String device,
      String filter,
      Collection<String> markers,
      Consumer<byte[]> onPacket) {
    // Unbuffered in the kernel, too, which otherwise hands over one block per second.
    return start(namespace, device, filter, markers, onPacket, List.of("--immediate-mode"));
  }

  private static Capture start(
      Namespace namespace,
      String device,
      String filter,
      Collection<String> markers,
      Consumer<byte[]> onPacket,
      List<String> more) {
    // Runs as root throughout (-Z), unbuffered (-U), with 64 MiB of room (-B) and whole packets
    // (-s 0).
    List<String> command =
        new ArrayList<>(
            List.of(
                "tcpdump", "-n", "-Z", "root", "-U", "-B", "65536", "-s", "0", "-i", device, "-w",
                "-"));
    command.addAll(more);
    if (!filter.isEmpty()) {
      command.add(filter);
    }
    Process tcpdump;
    try {
      tcpdump = new ProcessBuilder(namespace.inside(command)).start();
    } catch (IOException e) {
      throw new LabException("cannot run tcpdump: " + e.getMessage(), e);
    }
    Capture capture = new Capture(tcpdump, markers, onPacket);
    // tcpdump says so after its socket is open, so packets that are sent from here on are seen.
    if (!Waiting.until(
        Commands.PATIENCE,
        () -> capture.messages.text().contains("listening on") || !tcpdump.isAlive())) {
      capture.close();
    }
    if (!tcpdump.isAlive()) {
      throw new LabException("tcpdump: " + capture.messages.text());
    }
    return capture;
  }

  /** Captures into a file, for other programs to read, until {@link #stop(Daemon)}. */
  public static Daemon toFile(Namespace namespace, String device, String filter, Path file) {
    Daemon tcpdump =
        namespace.start(
            "tcpdump",
            "-n",
            "-Z",
            "root",
            "-U",
            "-s",
            "0",
            "-i",
            device,
            "-w",
            file.toString(),
            filter);
    tcpdump.awaitOutput("listening on");
    return tcpdump;
  }

  /** Ends a capture into a file once all packets that were sent before are in it. */
  public static void stop(Daemon tcpdump) {
    awaitAll(tcpdump.pid(), tcpdump::output);
    tcpdump.signal("TERM");
    tcpdump.awaitEnd(Commands.PATIENCE);
  }

  /**
   * Waits until tcpdump has read all packets that the kernel has for it now: at its end it would
   * drop those that it has not read.
   */
  private static void awaitAll(long pid, Supplier<String> messages) {
    Report now = report(pid, messages);
    boolean read =
        Waiting.until(
            Commands.PATIENCE,
            () -> {
              Report later = report(pid, messages);
              return later.captured() + later.dropped() >= now.received();
            });
    if (!read) {
      throw new LabException("tcpdump does not read its packets: " + messages.get());
    }
  }

  private static Report report(long pid, Supplier<String> messages) {
    int before = Report.all(messages.get()).size();
    Commands.run("kill", "-USR1", Long.toString(pid));
    if (!Waiting.until(Commands.PATIENCE, () -> Report.all(messages.get()).size() > before)) {
      throw new LabException("tcpdump does not report: " + messages.get());
    }
    return Report.all(messages.get()).getLast();
  }

  private void read(Consumer<byte[]> onPacket) {
    try (PcapReader pcap = new PcapReader(tcpdump.getInputStream())) {
      while (true) {
        byte[] packet = pcap.next();
        if (packet == null) {
          return;
        }
        packets.increment();
        bytes.add(packet.length);
        markers.values().forEach(marker -> marker.searchIn(packet));
        onPacket.accept(packet);
      }
    } catch (IOException e) {
      failure = e;
    }
  }

  /** How often a marker was seen so far. */
  public long seen(String text) {
    Marker marker = markers.get(text);
    if (marker == null) {
      throw new IllegalArgumentException("not searched for: " + text);
    }
    return marker.seen();
  }

  public long packets() {
    return packets.sum();
  }

  /** Bytes of all packets, with their link headers. */
  public long bytes() {
    return bytes.sum();
  }

  /**
   * Proves that the capture sees the wire: sends a marker in clear, and waits until it is seen.
   *
   * @param canary a marker of this capture
   */
  public void prove(String canary, Runnable sendIt) {
    sendIt.run();
    if (!Waiting.until(Duration.ofSeconds(10), () -> seen(canary) > 0)) {
      throw new LabException("the capture is blind: it did not see a packet sent in clear");
    }
  }

  /**
   * Ends the capture after reading the packets under way. Returns the number of packets that the
   * kernel did not hand over, which were therefore not searched.
   *
   * @throws LabException if some of the captured packets could not be read
   */
  public long stop() {
    Waiting.pause(Duration.ofMillis(200)); // Packets that were sent just now are still under way.
    awaitAll(tcpdump.pid(), messages::text);
    int reports = Report.all(messages.text()).size();
    tcpdump.toHandle().destroy(); // Process.destroy() would close its streams at once.
    try {
      reader.join(Commands.PATIENCE);
      messages.await(Commands.PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    IOException e = failure;
    if (e != null) {
      throw new LabException("the capture was not read to its end: " + e.getMessage(), e);
    }
    if (reader.isAlive()) {
      throw new LabException("tcpdump did not end in time");
    }
    List<Report> all = Report.all(messages.text());
    if (all.size() == reports) {
      throw new LabException(
          "tcpdump did not report how many packets it captured: " + messages.text());
    }
    return all.getLast().dropped();
  }

  @Override
  public void close() {
    tcpdump.destroyForcibly();
  }
}
