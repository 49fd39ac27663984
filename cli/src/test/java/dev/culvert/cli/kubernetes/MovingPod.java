// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import dev.culvert.lab.LabSite;
import java.util.List;

/**
 * A pod that keeps its addresses when it moves to another node: it shares the namespace of the pod
 * that is there.
 */
final class MovingPod {
  static final String ADDRESS = "10.42.50.10";
  static final String ADDRESS_V6 = "fd42:50::10";
  private static final String NAME = "moving";
  private static final String DEVICE = "eth0";

  private final Mesh mesh;
  private int site;

  /** Makes the pod at a site, and its Pod on the site's node. */
  MovingPod(Mesh mesh, int site, String node) {
    this.mesh = mesh;
    arrive(site, node);
  }

  /** Ends at one node and begins at another at once, in the API too. */
  void moveTo(int to, String node) {
    mesh.deletePod(NAME);
    LabSite from = mesh.cluster.site(site);
    for (String address : List.of(ADDRESS + "/32", ADDRESS_V6 + "/128")) {
      from.pod().ip("address", "del", address, "dev", DEVICE);
      from.node().ip("route", "del", address);
    }
    arrive(to, node);
  }

  private void arrive(int at, String node) {
    site = at;
    LabSite here = mesh.cluster.site(at);
    here.pod().address(DEVICE, ADDRESS + "/32").address(DEVICE, ADDRESS_V6 + "/128");
    here.node().route(ADDRESS + "/32", "via", here.podAddress());
    here.node().route(ADDRESS_V6 + "/128", "via", here.podAddressV6());
    mesh.addPod(NAME, node, List.of(ADDRESS, ADDRESS_V6));
  }

  /** The site where it is now. */
  int site() {
    return site;
  }
}
