// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.Mark;
import java.util.Collection;
import java.util.stream.Collectors;

/** Common parts of nftables text. */
final class NftText {
  /** IPv4, IPv6. */
  static final boolean[] FAMILIES = {true, false};

  private NftText() {}

  static String list(Collection<?> values) {
    return values.stream().map(Object::toString).collect(Collectors.joining(", ", "{ ", " }"));
  }

  /** A comma-separated list of quoted device names. */
  static String names(Collection<String> devices) {
    return list(devices.stream().map(device -> '"' + device + '"').toList());
  }

  static String matches(Mark mark) {
    return "meta mark & 0x%08x == 0x%08x ".formatted(mark.mask(), mark.value());
  }

  static String set(Mark mark) {
    return "meta mark set meta mark & 0x%08x | 0x%08x ".formatted(~mark.mask(), mark.value());
  }
}
