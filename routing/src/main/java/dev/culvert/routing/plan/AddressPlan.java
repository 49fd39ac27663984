// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.IpAddress;

/**
 * An address of a device.
 *
 * @param length bits of the prefix that is on the link, 0 to 32 (IPv4) or 128 (IPv6)
 */
public record AddressPlan(String device, IpAddress address, int length) {
  public AddressPlan {
    if (length < 0 || length > address.bitLength()) {
      throw new IllegalArgumentException("prefix length " + length + " does not fit " + address);
    }
  }
}
