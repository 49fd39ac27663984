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
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The packets that cross a device, read from {@code tcpdump} as they pass. Every packet is searched
 * for markers. {@link #start} returns only when the capture runs.
 */
public final class Capture implements AutoCloseable {
  private static final Pattern LOST = Pattern.compile("(\\d+) packets dropped by kernel");

  private final Process tcpdump;
  private final Commands.Output messages;
  private final Thread reader;
  private final Map<String, Marker> markers = new LinkedHashMap<>();
  private final LongAdder packets = new LongAdder();
  private final LongAdder bytes = new LongAdder();
  private volatile @Nullable IOException failure;

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
   * Begins to capture, and shows each packet, from its link header on, to {@code onPacket} on a
   * thread of the capture.
   */
  public static Capture start(
      Namespace namespace,
      String device,
      String filter,
      Collection<String> markers,
      Consumer<byte[]> onPacket) {
    // Runs as root throughout (-Z), with 64 MiB of room (-B) and whole packets (-s 0). It is
    // unbuffered (-U), also in the kernel, which otherwise hands over one block per second and
    // drops the last one at the end.
    List<String> command =
        new ArrayList<>(
            List.of(
                "tcpdump",
                "-n",
                "-Z",
                "root",
                "-U",
                "--immediate-mode",
                "-B",
                "65536",
                "-s",
                "0",
                "-i",
                device,
                "-w",
                "-"));
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

  /** Captures into a file, for other programs to read. */
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
    Matcher lost = LOST.matcher(messages.text());
    return Optional.of(lost)
        .filter(Matcher::find)
        .map(found -> Long.parseLong(found.group(1)))
        .orElseThrow(
            () ->
                new LabException(
                    "tcpdump did not report how many packets it captured: " + messages.text()));
  }

  @Override
  public void close() {
    tcpdump.destroyForcibly();
  }
}
