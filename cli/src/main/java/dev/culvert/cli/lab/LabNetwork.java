package dev.culvert.cli.lab;

import dev.culvert.cli.lab.Namespaces.End;
import java.util.List;

/**
 * Two nodes with a pod each, and the wire between them: a bridge with an MTU of 1500 where the
 * capture listens.
 */
final class LabNetwork implements AutoCloseable {
  /** What the namespaces of every lab begin with. */
  static final String PREFIX = "culvert-lab-";

  static final String BRIDGE = "br0";

  final Namespaces namespaces;
  final Namespace wire;
  final LabSite a;
  final LabSite b;

  /** Makes the network; what stands of it is removed again where that fails. */
  static LabNetwork create(long id) {
    Namespaces namespaces = new Namespaces(PREFIX + id + "-");
    try {
      return new LabNetwork(namespaces, id);
    } catch (LabException e) {
      namespaces.close();
      throw e;
    }
  }

  private LabNetwork(Namespaces namespaces, long id) {
    this.namespaces = namespaces;
    namespaces.afterwards(() -> LabFiles.remove(id));
    wire = namespaces.create("wire");
    a = site("a", 1, id);
    b = site("b", 2, id);
    Namespaces.bridge(wire, BRIDGE, a.nodeName(), b.nodeName());
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

  /** Unlike any other on this machine, since all namespaces share the sockets' folders. */
  static String interfaceName(long id, String letter) {
    return "cvl" + id + letter;
  }

  List<LabSite> sites() {
    return List.of(a, b);
  }

  @Override
  public void close() {
    namespaces.close();
  }
}
