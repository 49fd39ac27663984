// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.capture;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.port.PacketSocket;
import dev.culvert.tunnel.port.SocketFilter;
import java.io.IOException;
import java.net.NetworkInterface;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Captures the packets that one gateway sends to the underlay and receives from it, as they are on
 * the wire.
 */
public final class UnderlayCapture implements AutoCloseable {
  // linux/if_arp.h
  private static final int ARPHRD_ETHER = 1;
  private static final int ARPHRD_TUNNEL = 768;
  private static final int ARPHRD_TUNNEL6 = 769;
  private static final int ARPHRD_LOOPBACK = 772;
  private static final int ARPHRD_NONE = 65_534;
  private static final int ETHERNET_HEADER = 14;

  private final PacketSocket socket;
  private final FrameSplitter splitter = new FrameSplitter();
  private final Map<Integer, Device> devices = new HashMap<>();
  private final int tunnel;
  private long unreadable;

  /**
   * A device of the underlay.
   *
   * @param linkType as in pcapng
   * @param linkLength bytes of a frame's link header
   */
  public record Device(String name, int linkType, int linkLength) {}

  /** Receives the frames that were one frame to the kernel. */
  @FunctionalInterface
  public interface Listener {
    /**
     * Called on the thread of {@link #receive}.
     *
     * @param time nanoseconds since 1970
     * @param frames one or more, from their link headers on
     */
    void onFrames(Device device, long time, boolean outgoing, List<byte[]> frames)
        throws IOException;
  }

  private UnderlayCapture(PacketSocket socket, int tunnel) {
    this.socket = socket;
    this.tunnel = tunnel;
  }

  /**
   * Begins to capture in the calling thread's network namespace.
   *
   * @param tunnel index of the tunnel's own interface, which is no underlay
   * @param device index of the only device to look at, or 0 for all
   * @param port the gateway's UDP port, 1 to 65535
   * @param esp whether IP protocol 50 is of interest too
   */
  public static UnderlayCapture open(int tunnel, int device, int port, boolean esp)
      throws IOException {
    try {
      return new UnderlayCapture(
          PacketSocket.open(SocketFilter.underlay(port, esp), device), tunnel);
    } catch (ErrnoException e) {
      if (e.errno() == Errno.EPERM) {
        throw new IOException("capturing needs root, or CAP_NET_RAW", e);
      }
      throw e;
    }
  }

  /**
   * Hands over the frames that have come, waiting at most {@code millis} milliseconds for the
   * first.
   */
  public void receive(int millis, Listener listener) throws IOException {
    socket.receive(millis, frame -> take(frame, listener));
  }

  private void take(PacketSocket.Frame frame, Listener listener) throws IOException {
    // Packets of a machine to itself pass loopback twice, as sent and as received.
    if (frame.device() == tunnel || (frame.hardware() == ARPHRD_LOOPBACK && frame.outgoing())) {
      return;
    }
    int linkLength = linkLength(frame.hardware());
    if (linkLength < 0) {
      unreadable++;
      return;
    }
    Device device = devices.get(frame.device());
    if (device == null) {
      device = device(frame.device(), linkLength);
      devices.put(frame.device(), device);
    }
    listener.onFrames(
        device,
        frame.time(),
        frame.outgoing(),
        splitter.split(frame.memory(), frame.at(), frame.length(), linkLength));
  }

  private static Device device(int index, int linkLength) throws IOException {
    NetworkInterface known = NetworkInterface.getByIndex(index);
    return new Device(
        known == null ? "interface " + index : known.getName(),
        linkLength == 0 ? PcapngWriter.RAW_IP : PcapngWriter.ETHERNET,
        linkLength);
  }

  private static int linkLength(int hardware) {
    return switch (hardware) {
      case ARPHRD_ETHER, ARPHRD_LOOPBACK -> ETHERNET_HEADER;
      case ARPHRD_NONE, ARPHRD_TUNNEL, ARPHRD_TUNNEL6 -> 0;
      default -> -1;
    };
  }

  /** Frames that the kernel dropped so far, since they were not taken fast enough. */
  public long dropped() throws IOException {
    return socket.dropped();
  }

  /** Frames that could not be read: super-packets of unknown kind, unknown links. */
  public long unreadable() {
    return unreadable + socket.unreadable();
  }

  @Override
  public void close() {
    socket.close();
  }
}
