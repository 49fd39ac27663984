// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.daemon.admin.AdminMessage.Command;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.daemon.admin.RoutesView;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.port.PacketSocket;
import dev.culvert.tunnel.port.SocketFilter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.NetworkInterface;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Sends a marked packet to each peer of a running gateway, and checks whether it crosses the
 * underlay in clear. The capture is trusted only once it has caught a control frame.
 */
public final class SelfTest implements AutoCloseable {
  private static final int DISCARD_PORT = 9;
  private static final long CONTROL_NANOS = 2_000_000_000L;
  private static final long WATCH_NANOS = 1_000_000_000L;
  private static final int STEP_MILLIS = 20;

  /** The EtherType that IEEE 802 reserves for local experiments: no station answers it. */
  private static final short EXPERIMENT = (short) 0x88b5;

  private static final int ETHERNET_HEADER = 14;

  private final Map<String, PacketSocket> captures = new TreeMap<>();
  private final SecureRandom random = new SecureRandom();

  private SelfTest() {}

  /**
   * The outcome of a test.
   *
   * @param devices that were watched
   * @param frames that crossed these devices during the test
   * @param peers the outcome of the packet to each peer
   */
  public record Report(List<String> devices, long frames, List<PeerReport> peers) {
    public Report {
      devices = List.copyOf(devices);
      peers = List.copyOf(peers);
    }

    public boolean inClear() {
      return peers.stream().anyMatch(peer -> peer.seenInClear() > 0);
    }

    public boolean allSealed() {
      return peers.stream().allMatch(PeerReport::sealed);
    }
  }

  /**
   * The outcome for one peer.
   *
   * @param target the packet's destination
   * @param sealed whether more bytes were sent to the peer during the test, and the peer has a
   *     session
   * @param seenInClear frames on the underlay that held the mark
   */
  public record PeerReport(String name, String target, boolean sealed, long seenInClear) {}

  /**
   * Tests a running gateway of this network namespace.
   *
   * @throws IOException if the gateway does not answer, or the capture is blind
   */
  public static Report run(Machine machine, String gateway) throws IOException {
    RoutesView routes =
        Objects.requireNonNull(machine.adminClient().call(gateway, Command.ROUTES).routes());
    if (routes.underlay().isEmpty()) {
      throw new IOException(
          "no device is known that leads to other nodes, so there is nothing to watch; a default route,"
              + " or an endpoint that is an address, shows one");
    }
    try (SelfTest test = new SelfTest()) {
      for (String device : routes.underlay()) {
        test.captures.put(device, capture(device));
      }
      test.control();
      return test.watch(machine, gateway, routes.underlay());
    }
  }

  private static PacketSocket capture(String device) throws IOException {
    NetworkInterface found = NetworkInterface.getByName(device);
    if (found == null) {
      throw new IOException("there is no device " + device + " any more");
    }
    return PacketSocket.open(SocketFilter.everything(), found.getIndex());
  }

  private byte[] mark() {
    byte[] mark = new byte[16];
    random.nextBytes(mark);
    return HexFormat.of().formatHex(mark).getBytes(US_ASCII);
  }

  /** Sends a frame of our own on each device, which the capture has to see. */
  private void control() throws IOException {
    for (Map.Entry<String, PacketSocket> capture : captures.entrySet()) {
      byte[] mark = mark();
      ByteBuffer frame = ByteBuffer.allocate(ETHERNET_HEADER + mark.length);
      frame.putShort(12, EXPERIMENT).put(ETHERNET_HEADER, mark);
      // A socket does not see the frames that it sends itself.
      try (PacketSocket sender = capture(capture.getKey())) {
        sender.send(frame.array());
      }
      if (!sees(capture.getValue(), mark)) {
        throw new IOException(
            "the capture on " + capture.getKey() + " is blind: it missed a control frame");
      }
    }
  }

  private static boolean sees(PacketSocket capture, byte[] mark) throws IOException {
    AtomicBoolean seen = new AtomicBoolean();
    long end = System.nanoTime() + CONTROL_NANOS;
    while (!seen.get() && System.nanoTime() - end < 0) {
      capture.receive(
          STEP_MILLIS,
          frame -> {
            if (contains(frame, mark)) {
              seen.set(true);
            }
          });
    }
    return seen.get();
  }

  private Report watch(Machine machine, String gateway, List<String> devices) throws IOException {
    List<PeerView> before = peers(machine, gateway);
    Map<String, byte[]> marks = new TreeMap<>();
    Map<String, Long> seen = new TreeMap<>();
    for (PeerView peer : before) {
      if (!peer.allowedIps().isEmpty()) {
        byte[] mark = mark();
        marks.put(id(peer), mark);
        seen.put(id(peer), 0L);
        send(target(peer), mark);
      }
    }
    AtomicLong frames = new AtomicLong();
    long end = System.nanoTime() + WATCH_NANOS;
    while (System.nanoTime() - end < 0) {
      for (PacketSocket capture : captures.values()) {
        capture.receive(
            STEP_MILLIS,
            frame -> {
              frames.incrementAndGet();
              marks.forEach(
                  (key, mark) -> seen.merge(key, contains(frame, mark) ? 1L : 0L, Long::sum));
            });
      }
    }
    Map<String, PeerView> after = new TreeMap<>();
    peers(machine, gateway).forEach(peer -> after.put(id(peer), peer));
    List<PeerReport> reports = new ArrayList<>();
    for (PeerView peer : before) {
      PeerView now = after.get(id(peer));
      Long inClear = seen.get(id(peer));
      if (inClear != null) {
        boolean sealed =
            now != null && now.lastHandshake() != null && now.txBytes() > peer.txBytes();
        reports.add(new PeerReport(peer.label(), target(peer).toString(), sealed, inClear));
      }
    }
    return new Report(devices, frames.get(), reports);
  }

  private static List<PeerView> peers(Machine machine, String gateway) throws IOException {
    GatewayView view = machine.adminClient().call(gateway, Command.STATUS).gateway();
    return view == null ? List.of() : view.peers();
  }

  /** A unique id of a peer: ESP's peers may have no key, but each has its own name. */
  private static String id(PeerView peer) {
    return Objects.requireNonNullElseGet(peer.publicKey(), peer::label);
  }

  /** An address of the node itself if there is one, else the first of a range. */
  private static IpAddress target(PeerView peer) {
    List<Prefix> ranges = peer.allowedIps().stream().map(Prefix::parse).toList();
    return ranges.stream()
        .filter(range -> range.length() == range.address().bitLength())
        .findFirst()
        .map(Prefix::address)
        .orElseGet(() -> first(ranges.getFirst()));
  }

  private static IpAddress first(Prefix range) {
    IpAddress address = range.address();
    return address.v4()
        ? IpAddress.ofV4((int) address.low() + 1)
        : IpAddress.ofV6(address.high(), address.low() + 1);
  }

  private static void send(IpAddress target, byte[] mark) {
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.send(new DatagramPacket(mark, mark.length, target.toInetAddress(), DISCARD_PORT));
    } catch (IOException e) {
      // The packet was refused on the way out, so it is not sealed, and the report says so.
      return;
    }
  }

  private static boolean contains(PacketSocket.Frame frame, byte[] mark) {
    MemorySegment sought = MemorySegment.ofArray(mark);
    for (long at = frame.at(); at <= frame.at() + frame.length() - mark.length; at++) {
      if (frame.memory().get(JAVA_BYTE, at) == mark[0]
          && frame.memory().asSlice(at, mark.length).mismatch(sought) < 0) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void close() {
    captures.values().forEach(PacketSocket::close);
  }
}
