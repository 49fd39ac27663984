// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import dev.culvert.routing.IpAddress;

/** An endpoint as a CulvertNode has it: {@code address:port}, IPv6 in brackets. */
public final class EndpointText {
  private EndpointText() {}

  /**
   * The address of an endpoint.
   *
   * @throws IllegalArgumentException if the text is no endpoint
   */
  public static IpAddress address(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    boolean brackets = host.startsWith("[") && host.endsWith("]");
    if (!text.substring(colon + 1).matches("[1-9][0-9]{0,4}")
        || Integer.parseInt(text.substring(colon + 1)) > 65535
        || brackets != host.indexOf(':') >= 0) {
      throw new IllegalArgumentException("not an endpoint: " + text);
    }
    return IpAddress.parse(brackets ? host.substring(1, host.length() - 1) : host);
  }
}
