// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

/** Numbers of IP's protocols and next headers, as IANA assigns them. */
public final class IpProtocol {
  public static final int ICMP = 1;
  public static final int TCP = 6;
  public static final int UDP = 17;
  public static final int ESP = 50;
  public static final int ICMPV6 = 58;
  public static final int SCTP = 132;

  private IpProtocol() {}
}
