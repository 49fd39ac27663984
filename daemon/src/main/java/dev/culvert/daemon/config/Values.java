// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import dev.culvert.routing.InterfaceName;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.noise.PublicKey;
import java.util.regex.Pattern;

/** Parses single values, which both file formats write alike. */
public final class Values {
  private static final Pattern HOST_NAME =
      Pattern.compile("(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}\\.?)*");

  private Values() {}

  public static String interfaceName(Place place, String text) throws ConfigException {
    try {
      return InterfaceName.check(text);
    } catch (IllegalArgumentException e) {
      throw place.error(String.valueOf(e.getMessage()));
    }
  }

  /** A decimal number, or a hexadecimal one after 0x. */
  public static long number(Place place, String text, long min, long max) throws ConfigException {
    try {
      long number =
          text.startsWith("0x") ? Long.parseLong(text, 2, text.length(), 16) : Long.parseLong(text);
      if (number >= min && number <= max) {
        return number;
      }
    } catch (NumberFormatException e) {
      throw place.error("'" + text + "' is not a number");
    }
    throw place.error(text + " is not in " + min + " to " + max);
  }

  /** A number of seconds to 65535, or {@code off}. */
  public static int keepalive(Place place, String text) throws ConfigException {
    return text.equals("off") ? 0 : (int) number(place, text, 0, 65_535);
  }

  /** A mark of 32 bits, or {@code off}. */
  public static int fwmark(Place place, String text) throws ConfigException {
    return text.equals("off") ? 0 : (int) number(place, text, 0, 0xffff_ffffL);
  }

  public static PublicKey publicKey(Place place, String text) throws ConfigException {
    try {
      return PublicKey.parseBase64(text);
    } catch (IllegalArgumentException e) {
      throw place.error("not a base64 public key");
    }
  }

  public static Prefix prefix(Place place, String text) throws ConfigException {
    try {
      return Prefix.parse(text);
    } catch (IllegalArgumentException e) {
      throw place.error(
          "'" + text + "' is not an address range (as in 10.66.1.0/24): " + e.getMessage());
    }
  }

  public static IpAddress ip(Place place, String text) throws ConfigException {
    try {
      return IpAddress.parse(text);
    } catch (IllegalArgumentException e) {
      throw place.error("'" + text + "' is not an address (as in 192.0.2.1)");
    }
  }

  public static InterfaceAddress address(Place place, String text) throws ConfigException {
    Prefix subnet = prefix(place, text);
    int slash = text.indexOf('/');
    IpAddress address = IpAddress.parse(slash < 0 ? text : text.substring(0, slash));
    return new InterfaceAddress(address, subnet.length());
  }

  public static HostPort endpoint(Place place, String text) throws ConfigException {
    int colon = text.lastIndexOf(':');
    if (colon < 0) {
      throw place.error("'" + text + "' has no port (as in 192.0.2.1:51820)");
    }
    String host = text.substring(0, colon);
    int port = (int) number(place, text.substring(colon + 1), 1, 65_535);
    boolean bracketed = host.startsWith("[") && host.endsWith("]");
    if (bracketed) {
      host = host.substring(1, host.length() - 1);
    } else if (host.indexOf(':') >= 0) {
      throw place.error("an IPv6 address needs brackets (as in [2001:db8::1]:51820)");
    }
    String unscoped = host.contains("%") ? host.substring(0, host.indexOf('%')) : host;
    if (bracketed ? !isAddress(unscoped) : !isAddress(host) && !isName(host)) {
      throw place.error("'" + host + "' is neither an address nor a host name");
    }
    return new HostPort(host, port, place);
  }

  private static boolean isName(String host) {
    boolean digitsAndDots = host.chars().allMatch(c -> c == '.' || (c >= '0' && c <= '9'));
    return !digitsAndDots && HOST_NAME.matcher(host).matches();
  }

  static boolean isAddress(String host) {
    try {
      IpAddress.parse(host);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /**
   * Refuses a link-local address: a node is known by its address all over the cluster, and a
   * link-local one means another node on each link.
   */
  public static void requireNotLinkLocal(Place place, IpAddress address) throws ConfigException {
    if (address.isLinkLocalV6()) {
      throw place.error(
          address + " is link-local, and names a node on one link only; give a routed address");
    }
  }
}
