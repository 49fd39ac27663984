// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.kernel.LibC;

/** The family of a UDP socket. */
public enum IpFamily {
  V4(LibC.AF_INET, 16),
  V6(LibC.AF_INET6, 28);

  private final int number;
  private final int sockaddrLength;

  IpFamily(int number, int sockaddrLength) {
    this.number = number;
    this.sockaddrLength = sockaddrLength;
  }

  public static IpFamily of(IpAddress address) {
    return address.v4() ? V4 : V6;
  }

  /** AF_INET or AF_INET6. */
  int number() {
    return number;
  }

  /** Bytes of sockaddr_in or sockaddr_in6. */
  int sockaddrLength() {
    return sockaddrLength;
  }
}
