// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.HostPort;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import java.net.NetworkInterface;
import java.net.SocketException;
import org.jspecify.annotations.Nullable;

/** Reads numeric endpoints: {@code 192.0.2.1:51820}, {@code [fe80::1%eth0]:51820}. */
public final class EndpointText {
  private EndpointText() {}

  /**
   * The endpoint, or null if the host is a name.
   *
   * @throws ConfigException if its scope is no interface of this machine
   */
  static @Nullable Endpoint numeric(HostPort at) throws ConfigException {
    String host = at.host();
    if (host.indexOf(':') < 0 && !Character.isDigit(host.charAt(0))) {
      return null;
    }
    try {
      return parse(at.toString());
    } catch (IllegalArgumentException e) {
      if (host.indexOf(':') >= 0) {
        throw at.place().error(String.valueOf(e.getMessage()));
      }
      return null; // a name that starts with a digit
    }
  }

  /**
   * Parses a numeric endpoint; never asks a name service.
   *
   * @throws IllegalArgumentException if {@code text} is not one
   */
  public static Endpoint parse(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 0) {
      throw new IllegalArgumentException("an endpoint needs a port, as in 192.0.2.1:51820");
    }
    String host = text.substring(0, colon);
    int port = port(text.substring(colon + 1));
    if (!host.startsWith("[")) {
      if (host.indexOf(':') >= 0) {
        throw new IllegalArgumentException("an IPv6 endpoint needs brackets, as in [::1]:51820");
      }
      return Endpoint.of(IpAddress.parse(host), port);
    }
    if (!host.endsWith("]")) {
      throw new IllegalArgumentException("an endpoint's bracket does not close");
    }
    return scoped(host.substring(1, host.length() - 1), port);
  }

  private static Endpoint scoped(String host, int port) {
    int percent = host.indexOf('%');
    if (percent < 0) {
      return Endpoint.of(IpAddress.parse(host), port);
    }
    IpAddress address = IpAddress.parse(host.substring(0, percent));
    int scope = interfaceIndex(host.substring(percent + 1));
    return new Endpoint(address, port, address.isLinkLocalV6() ? scope : 0, null, 0);
  }

  private static int interfaceIndex(String scope) {
    if (!scope.isEmpty() && scope.length() < 10 && scope.chars().allMatch(Character::isDigit)) {
      return Integer.parseInt(scope);
    }
    try {
      NetworkInterface found = scope.isEmpty() ? null : NetworkInterface.getByName(scope);
      if (found != null) {
        return found.getIndex();
      }
    } catch (SocketException e) {
      throw new IllegalArgumentException("interface " + scope + " cannot be looked up", e);
    }
    throw new IllegalArgumentException("no interface is called " + scope);
  }

  /**
   * Parses a port that packets can be sent to.
   *
   * @throws IllegalArgumentException if it is not 1 to 65535
   */
  public static int port(String text) {
    boolean digits =
        !text.isEmpty() && text.length() <= 5 && text.chars().allMatch(c -> c >= '0' && c <= '9');
    int port = digits ? Integer.parseInt(text) : 0;
    if (port < 1 || port > 65_535) {
      throw new IllegalArgumentException("a port is a number from 1 to 65535");
    }
    return port;
  }
}
