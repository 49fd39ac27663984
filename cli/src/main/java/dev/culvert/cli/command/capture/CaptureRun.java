// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.capture;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.daemon.admin.Units;
import dev.culvert.tunnel.capture.PcapngWriter;
import dev.culvert.tunnel.capture.UnderlayCapture;
import dev.culvert.tunnel.capture.UnderlayCapture.Device;
import java.io.Console;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One capture from its beginning to its end. */
final class CaptureRun {
  private static final int WAIT_MILLIS = 100;
  private static final long TICK_NANOS = 500_000_000L;
  private static final long SECOND_NANOS = 1_000_000_000L;

  private final UnderlayCapture capture;
  private final PcapngWriter out;
  private final @Nullable KeyLines keys;
  private final @Nullable Writer espKeys;
  private final Limits limits;
  private final PrintWriter err;
  private final Map<Device, Integer> devices = new HashMap<>();
  private volatile boolean stopped;
  private long packets;
  private long bytes;

  /** The limits at which a capture ends by itself; {@code Long.MAX_VALUE} for none. */
  record Limits(long seconds, long packets) {}

  /**
   * Prepares a capture.
   *
   * @param keys null for none
   * @param espKeys the file for keys that the capture cannot hold; null for WireGuard
   */
  CaptureRun(
      UnderlayCapture capture,
      PcapngWriter out,
      @Nullable KeyLines keys,
      @Nullable Writer espKeys,
      Limits limits,
      PrintWriter err) {
    this.capture = capture;
    this.out = out;
    this.keys = keys;
    this.espKeys = espKeys;
    this.limits = limits;
    this.err = err;
  }

  /** Ends the capture soon. May be called on any thread. */
  void stop() {
    stopped = true;
  }

  /**
   * Whether standard input and output are a terminal. Without one, a JDK has no console or one that
   * is no terminal, by version.
   */
  static boolean onTerminal() {
    return Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent();
  }

  /** Captures until it is stopped or a limit is reached, and reports the counts. */
  void run(String source) throws IOException {
    boolean progress = onTerminal();
    writeKeys();
    out.flush();
    err.println("capturing " + source);
    err.flush();
    long start = System.nanoTime();
    long tick = start;
    while (!stopped && packets < limits.packets()) {
      capture.receive(WAIT_MILLIS, this::take);
      long now = System.nanoTime();
      if ((now - start) / SECOND_NANOS >= limits.seconds()) {
        break;
      }
      if (now - tick >= TICK_NANOS) {
        tick = now;
        writeKeys();
        out.flush();
        if (progress) {
          err.print("\r" + summary());
          err.flush();
        }
      }
    }
    writeKeys();
    err.println((progress ? "\r" : "") + summary());
    err.flush();
  }

  private String summary() throws IOException {
    String text =
        String.format(
            Locale.ROOT,
            "%,d datagrams, %s, %,d frames dropped by the kernel",
            packets,
            Units.bytes(bytes),
            capture.dropped());
    return capture.unreadable() == 0
        ? text
        : text + String.format(Locale.ROOT, ", %,d unreadable", capture.unreadable());
  }

  private void take(Device device, long time, boolean outgoing, List<byte[]> frames)
      throws IOException {
    Integer number = devices.get(device);
    if (number == null) {
      number = out.device(device.name(), device.linkType());
      devices.put(device, number);
    }
    for (byte[] frame : frames) {
      if (packets == limits.packets()) {
        return;
      }
      // Wireshark reads a handshake only if the keys lie before it. A gateway knows the key of its
      // message before it sends the message.
      if (espKeys == null && isHandshake(frame, device.linkLength())) {
        writeKeys();
      }
      out.packet(number, time, outgoing, frame);
      packets++;
      bytes += frame.length;
    }
  }

  /**
   * Whether the frame may be an initiation or a response of WireGuard; a false positive does no
   * harm.
   */
  static boolean isHandshake(byte[] frame, int ip) {
    if (frame.length <= ip) {
      return false;
    }
    int payload = ip + ((frame[ip] & 0xf0) == 0x40 ? (frame[ip] & 0xf) * 4 : 40) + 8;
    return frame.length >= payload + 92 && (frame[payload] == 1 || frame[payload] == 2);
  }

  private void writeKeys() throws IOException {
    if (keys == null) {
      return;
    }
    List<String> fresh = keys.fresh();
    if (fresh.isEmpty()) {
      return;
    }
    String text = String.join("\n", fresh) + "\n";
    if (espKeys == null) {
      out.secrets(PcapngWriter.WIREGUARD_KEY_LOG, text.getBytes(US_ASCII));
    } else {
      espKeys.write(text);
      espKeys.flush();
    }
  }
}
