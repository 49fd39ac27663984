// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Namespace;
import java.util.List;

/** The families of addresses that nodes and pods have. */
enum Families {
  V4,
  V6,
  BOTH;

  List<String> ofNode(LabSite site) {
    return chosen(site.wireAddress(), site.wireAddressV6());
  }

  List<String> ofPod(LabSite site) {
    return chosen(site.podAddress(), site.podAddressV6());
  }

  List<String> podCidrs(LabSite site) {
    return chosen(site.podCidrs().getFirst(), site.podCidrs().getLast());
  }

  List<String> chosen(String v4, String v6) {
    return switch (this) {
      case V4 -> List.of(v4);
      case V6 -> List.of(v6);
      case BOTH -> List.of(v4, v6);
    };
  }

  /** Takes the other family away from a namespace that has both. */
  void leaveAlone(Namespace namespace) {
    switch (this) {
      case V4 -> namespace.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1");
      case V6 -> namespace.ip("-4", "address", "flush", "scope", "global");
      case BOTH -> {}
    }
  }
}
