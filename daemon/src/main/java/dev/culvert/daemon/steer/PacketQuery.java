// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.IpProtocol;
import dev.culvert.routing.plan.Explanation.Query;
import java.io.IOException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Parses a question about a packet: {@code SRC[:PORT] DST[:PORT][/PROTOCOL]}. */
public final class PacketQuery {
  /** An address, IPv6 in brackets if a port follows. */
  private static final Pattern END = Pattern.compile("(?:\\[([^]]+)]|([0-9.]+))(?::(\\d{1,5}))?");

  private PacketQuery() {}

  private record End(IpAddress address, int port) {}

  /**
   * Parses a question. Ports without a protocol are TCP's.
   *
   * @throws IOException if {@code ends} are not a question, with the reason
   */
  public static Query parse(List<String> ends) throws IOException {
    if (ends.size() != 2) {
      throw new IOException("a packet has a source and a destination");
    }
    String to = ends.get(1);
    int slash = to.indexOf('/');
    End source = end(ends.get(0));
    End destination = end(slash < 0 ? to : to.substring(0, slash));
    boolean ports = source.port != Classifier.NO_PORT || destination.port != Classifier.NO_PORT;
    int protocol = slash < 0 ? (ports ? IpProtocol.TCP : 0) : protocol(to.substring(slash + 1));
    try {
      return new Query(
          source.address, destination.address, protocol, source.port, destination.port);
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static End end(String text) throws IOException {
    try {
      return new End(IpAddress.parse(text), Classifier.NO_PORT);
    } catch (IllegalArgumentException plain) {
      Matcher parts = END.matcher(text);
      String address = parts.matches() ? given(parts.group(1), parts.group(2)) : null;
      if (address != null && parts.group(3) != null) {
        return withPort(text, address, Integer.parseInt(parts.group(3)));
      }
      throw new IOException(
          "'" + text + "' is not an address, or one with a port (as in 10.1.2.3:80, [fd00::1]:80)");
    }
  }

  private static @Nullable String given(@Nullable String bracketed, @Nullable String plain) {
    return bracketed == null ? plain : bracketed;
  }

  private static End withPort(String text, String address, int port) throws IOException {
    try {
      if (port >= 1 && port <= 65_535) {
        return new End(IpAddress.parse(address), port);
      }
    } catch (IllegalArgumentException e) {
      throw new IOException("'" + text + "' is not an address: " + e.getMessage(), e);
    }
    throw new IOException("'" + text + "': a port is a number from 1 to 65535");
  }

  private static int protocol(String name) throws IOException {
    return switch (name) {
      case "icmp" -> IpProtocol.ICMP;
      case "tcp" -> IpProtocol.TCP;
      case "udp" -> IpProtocol.UDP;
      case "icmpv6" -> IpProtocol.ICMPV6;
      default -> {
        if (name.matches("\\d{1,3}") && Integer.parseInt(name) <= 255) {
          yield Integer.parseInt(name);
        }
        throw new IOException("'" + name + "' is no protocol: tcp, udp, icmp, icmpv6 or a number");
      }
    };
  }
}
