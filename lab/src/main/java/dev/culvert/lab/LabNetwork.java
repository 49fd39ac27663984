// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Namespaces.End;
import java.util.ArrayList;
import java.util.List;

/**
 * Two or three nodes with a pod each, and the wire between them: a bridge with an MTU of 1500 on
 * which the capture listens.
 */
public final class LabNetwork implements AutoCloseable {
  /** The prefix of the namespaces' names in every lab. */
  public static final String PREFIX = "culvert-lab-";

  public static final String BRIDGE = "br0";

  /** The names of the nodes in every lab. */
  static final List<String> LETTERS = List.of("a", "b", "c");

  public final Namespaces namespaces;
  public final Namespace wire;
  public final LabSite a;
  public final LabSite b;
  private final List<LabSite> sites = new ArrayList<>();

  /** Makes the network; if that fails, removes its parts again. */
  public static LabNetwork create(long id) {
    return create(id, 2);
  }

  /**
   * Makes a network like {@link #create(long)}, with a given number of nodes.
   *
   * @param nodes 2 to 3
   */
  public static LabNetwork create(long id, int nodes) {
    Namespaces namespaces = new Namespaces(PREFIX + id + "-");
    try {
      return new LabNetwork(namespaces, id, nodes);
    } catch (LabException e) {
      namespaces.close();
      throw e;
    }
  }

  private LabNetwork(Namespaces namespaces, long id, int nodes) {
    this.namespaces = namespaces;
    LabFiles.claim(id);
    namespaces.afterwards(() -> LabFiles.remove(id));
    wire = namespaces.create("wire");
    for (int i = 0; i < nodes; i++) {
      sites.add(site(LETTERS.get(i), i + 1, id));
    }
    a = sites.get(0);
    b = sites.get(1);
    Namespaces.bridge(wire, BRIDGE, sites.stream().map(LabSite::nodeName).toArray(String[]::new));
  }

  private LabSite site(String letter, int number, long id) {
    LabSite site =
        new LabSite(
            letter,
            number,
            interfaceName(id, letter),
            namespaces.create("node-" + letter),
            namespaces.create("pod-" + letter));
    Namespaces.connect(new End(site.node(), LabSite.WIRE_DEVICE), new End(wire, site.nodeName()));
    site.node().address(LabSite.WIRE_DEVICE, site.wireAddress() + "/24");
    site.node().address(LabSite.WIRE_DEVICE, site.wireAddressV6() + "/64");
    site.connectPod();
    return site;
  }

  /** A name that is unique on this machine, since all namespaces share the sockets' folders. */
  static String interfaceName(long id, String letter) {
    return "cvl" + id + letter;
  }

  public List<LabSite> sites() {
    return List.copyOf(sites);
  }

  @Override
  public void close() {
    namespaces.close();
  }
}
