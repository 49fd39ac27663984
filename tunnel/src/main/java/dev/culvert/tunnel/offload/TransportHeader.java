// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.IpProtocol;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.engine.NetworkOrder;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The transport header behind a packet's IP header: the protocol after all extension headers of
 * IPv6 (RFC 8200 section 4), and the ports of TCP, UDP and SCTP. A flyweight: reused for every
 * packet, so nothing is allocated.
 */
public final class TransportHeader {
  /** The most extension headers that are read: RFC 8200 has eight places for them. */
  static final int MAX_EXTENSIONS = 8;

  /** The most bytes of extension headers that are read. */
  static final int MAX_EXTENSION_BYTES = 512;

  private static final int PORTS = 4;

  private int protocol;
  private int offset;
  private int sourcePort;
  private int destinationPort;
  private boolean fragment;
  private boolean laterFragment;
  private boolean authenticated;

  /**
   * Reads the headers behind the IP header in {@code packet}, which begins at {@code at}; never
   * reads past the packet's length.
   *
   * @return null, or the reason why they cannot be read; the fields are undefined then
   */
  public @Nullable DropReason read(MemorySegment memory, long at, InnerPacket packet) {
    protocol = packet.protocol();
    offset = packet.headerLength();
    fragment = packet.fragment();
    laterFragment = packet.laterFragment();
    authenticated = false;
    sourcePort = Classifier.NO_PORT;
    destinationPort = Classifier.NO_PORT;
    if (!packet.v4()) {
      DropReason unreadable = walk(memory, at, packet.length());
      if (unreadable != null) {
        return unreadable;
      }
    }
    // The kernel's rules do not see ports behind an authentication header either.
    return fragment || authenticated ? null : readPorts(memory, at, packet.length());
  }

  private @Nullable DropReason walk(MemorySegment memory, long at, int length) {
    for (int i = 0; ; i++) {
      boolean authentication = protocol == IpHeader.V6_AUTHENTICATION;
      authenticated |= authentication;
      boolean fragmented = protocol == IpHeader.V6_FRAGMENT;
      if (!fragmented && !authentication && !isOptions(protocol)) {
        return null;
      }
      if (i == MAX_EXTENSIONS) {
        return DropReason.EXTENSION_HEADERS;
      }
      if (length - offset < 8) {
        return DropReason.MALFORMED;
      }
      long header = at + offset;
      int size = NetworkOrder.u8(memory, header + 1);
      // The authentication header counts words of 4 bytes (RFC 4302 section 2.2).
      offset += fragmented ? 8 : authentication ? (size + 2) * 4 : (size + 1) * 8;
      protocol = NetworkOrder.u8(memory, header);
      if (fragmented) {
        fragment = true;
        laterFragment = (NetworkOrder.u16(memory, header + 2) & 0xfff8) != 0;
      }
      if (offset > length) {
        return DropReason.MALFORMED;
      }
      if (offset - IpHeader.V6 > MAX_EXTENSION_BYTES) {
        return DropReason.EXTENSION_HEADERS;
      }
      if (laterFragment) {
        // The bytes after a later fragment's header are payload, not a header, even if they look
        // like one.
        return null;
      }
    }
  }

  /** Whether it is an extension header of RFC 6564's form. */
  private static boolean isOptions(int header) {
    return switch (header) {
      case 0, 43, 60, 135, 139, 140 ->
          true; // hop-by-hop, routing, destination, mobility, HIP, shim
      default -> false;
    };
  }

  private @Nullable DropReason readPorts(MemorySegment memory, long at, int length) {
    if (protocol == IpProtocol.TCP || protocol == IpProtocol.UDP || protocol == IpProtocol.SCTP) {
      if (length - offset < PORTS) {
        return DropReason.MALFORMED;
      }
      sourcePort = NetworkOrder.u16(memory, at + offset);
      destinationPort = NetworkOrder.u16(memory, at + offset + 2);
    }
    return null;
  }

  /** The protocol of the payload; for a later fragment, the one in its fragment header. */
  public int protocol() {
    return protocol;
  }

  /** Bytes from the start of the IP header to the payload. */
  public int offset() {
    return offset;
  }

  /** 0 to 65535, or {@link Classifier#NO_PORT}. */
  public int sourcePort() {
    return sourcePort;
  }

  /** 0 to 65535, or {@link Classifier#NO_PORT}. */
  public int destinationPort() {
    return destinationPort;
  }

  /** Whether it is a fragment, the first or a later one. */
  public boolean fragment() {
    return fragment;
  }

  /** Whether it is a fragment and not the first. */
  public boolean laterFragment() {
    return laterFragment;
  }
}
