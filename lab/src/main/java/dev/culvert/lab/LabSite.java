// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import java.util.List;

/**
 * A node of the lab with the pod behind it.
 *
 * @param letter a, b or c
 * @param number of its networks: 1 to 3
 * @param interfaceName of its gateway, unique on this machine
 */
public record LabSite(
    String letter, int number, String interfaceName, Namespace node, Namespace pod) {
  public static final String WIRE_DEVICE = "wire0";
  private static final String POD_DEVICE = "eth0";
  private static final String NODE_END = "pod0";
  private static final String SECOND_NODE_END = "pod1";

  public String nodeName() {
    return "node-" + letter;
  }

  String podName() {
    return "pod-" + letter;
  }

  public String wireAddress() {
    return "192.0.2." + number;
  }

  public String wireAddressV6() {
    return "2001:db8::" + number;
  }

  public String podAddress() {
    return "10.42." + number + ".10";
  }

  public String podAddressV6() {
    return "fd42:" + number + "::10";
  }

  /** The ranges that the node owns. */
  public List<String> podCidrs() {
    return List.of("10.42." + number + ".0/24", "fd42:" + number + "::/64");
  }

  /** Joins the pod to its node, and makes the node its router. */
  void connectPod() {
    Namespaces.connect(new Namespaces.End(node, NODE_END), new Namespaces.End(pod, POD_DEVICE));
    node.address(NODE_END, "10.42." + number + ".1/24");
    node.address(NODE_END, "fd42:" + number + "::1/64");
    node.forward();
    pod.address(POD_DEVICE, podAddress() + "/24").address(POD_DEVICE, podAddressV6() + "/64");
    pod.route("default", "via", "10.42." + number + ".1");
    pod.route("default", "via", "fd42:" + number + "::1");
  }

  String secondPodAddress() {
    return "10.42." + number + ".11";
  }

  String secondPodAddressV6() {
    return "fd42:" + number + "::11";
  }

  /** Puts a second pod on the node, which the first reaches through the node's routing. */
  Namespace addSecondPod(Namespaces namespaces) {
    Namespace second = namespaces.create(podName() + "2");
    Namespaces.connect(
        new Namespaces.End(node, SECOND_NODE_END), new Namespaces.End(second, POD_DEVICE));
    node.address(SECOND_NODE_END, "169.254.1.1/32").address(SECOND_NODE_END, "fe80::1/64");
    node.route(secondPodAddress() + "/32", "dev", SECOND_NODE_END);
    node.route(secondPodAddressV6() + "/128", "dev", SECOND_NODE_END);
    second.address(POD_DEVICE, secondPodAddress() + "/32");
    second.address(POD_DEVICE, secondPodAddressV6() + "/128");
    second.route("169.254.1.1", "dev", POD_DEVICE);
    second.route("default", "via", "169.254.1.1");
    second.route("default", "via", "fe80::1", "dev", POD_DEVICE);
    pod.route(secondPodAddress() + "/32", "via", "10.42." + number + ".1");
    pod.route(secondPodAddressV6() + "/128", "via", "fd42:" + number + "::1");
    return second;
  }

  /** Routes the other site's pods over the wire, in clear. */
  public void routeInClear(LabSite other) {
    node.route(other.podCidrs().get(0), "via", other.wireAddress());
    node.route(other.podCidrs().get(1), "via", other.wireAddressV6());
  }

  /** Removes the routes of {@link #routeInClear}. */
  void unrouteInClear(LabSite other) {
    other.podCidrs().forEach(cidr -> node.ip("route", "del", cidr));
  }
}
