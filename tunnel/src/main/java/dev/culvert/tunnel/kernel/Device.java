// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A network interface and its relations to other interfaces.
 *
 * @param kind such as {@code vlan}; empty for a physical device, which a driver made
 * @param parent the index of the interface that it sends through, or 0 if there is none or it is in
 *     another namespace
 * @param master the index of the interface whose port it is, or 0
 * @param portKind the master's kind, empty without a master
 * @param ethernet whether it is an Ethernet device, which can carry more than IP
 * @param vxlanPort the UDP port that its packets go to, or 0 if it is not a VXLAN device
 */
record Device(
    int index,
    String name,
    String kind,
    int parent,
    int master,
    String portKind,
    boolean ethernet,
    int vxlanPort) {
  private static final int IFLA_IFNAME = 3;
  private static final int IFLA_LINK = 5;
  private static final int IFLA_MASTER = 10;
  private static final int IFLA_LINKINFO = 18;
  private static final int IFLA_LINK_NETNSID = 37;
  private static final int IFLA_INFO_KIND = 1;
  private static final int IFLA_INFO_DATA = 2;
  private static final int IFLA_INFO_SLAVE_KIND = 4;
  private static final int IFLA_VXLAN_PORT = 15;
  private static final int ARPHRD_ETHER = 1;

  /** Bytes of struct ifinfomsg. */
  private static final int IFINFO = 16;

  /** Reads an RTM_NEWLINK. */
  static Device parse(NetlinkMessage message) throws ProtocolException {
    Map<Integer, ByteBuffer> attributes = message.attributes(IFINFO);
    Map<Integer, ByteBuffer> info = nested(attributes.get(IFLA_LINKINFO));
    String kind = text(info.get(IFLA_INFO_KIND));
    boolean vxlan = kind.equals("vxlan");
    Map<Integer, ByteBuffer> data = vxlan ? nested(info.get(IFLA_INFO_DATA)) : Map.of();
    ByteBuffer port = data.get(IFLA_VXLAN_PORT);
    int index = message.payload().getInt(4);
    int parent = NetlinkMessage.integer(attributes.get(IFLA_LINK), 0);
    boolean elsewhere = attributes.containsKey(IFLA_LINK_NETNSID) || parent == index;
    return new Device(
        index,
        text(attributes.get(IFLA_IFNAME)),
        kind,
        elsewhere ? 0 : parent,
        NetlinkMessage.integer(attributes.get(IFLA_MASTER), 0),
        text(info.get(IFLA_INFO_SLAVE_KIND)),
        (message.payload().getShort(2) & 0xffff) == ARPHRD_ETHER,
        port == null || port.remaining() < 2
            ? 0
            : ((port.get(0) & 0xff) << 8) | (port.get(1) & 0xff));
  }

  private static Map<Integer, ByteBuffer> nested(@Nullable ByteBuffer attribute)
      throws ProtocolException {
    return attribute == null ? Map.of() : NetlinkMessage.nested(attribute);
  }

  private static String text(@Nullable ByteBuffer attribute) {
    return attribute == null ? "" : NetlinkMessage.string(attribute);
  }
}
