// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import dev.culvert.routing.IpAddress;

/**
 * An address of the tunnel interface, with the length of its subnet. Unlike a prefix it keeps its
 * host bits.
 */
public record InterfaceAddress(IpAddress address, int length) {
  @Override
  public String toString() {
    return address + "/" + length;
  }
}
