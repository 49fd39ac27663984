// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import dev.culvert.routing.IpAddress;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Network interfaces and their addresses, through rtnetlink. */
public final class Links {
  static final int RTM_NEWLINK = 16;
  static final int RTM_DELLINK = 17;
  private static final int RTM_GETLINK = 18;
  private static final int RTM_SETLINK = 19;
  static final int RTM_NEWADDR = 20;
  static final int RTM_DELADDR = 21;
  private static final int RTM_GETADDR = 22;

  private static final int IFLA_IFNAME = 3;
  private static final int IFLA_MTU = 4;
  private static final int IFLA_TXQLEN = 13;
  private static final int IFLA_LINKINFO = 18;
  private static final int IFLA_AF_SPEC = 26;
  private static final int IFLA_CARRIER = 33;
  private static final int IFLA_INET_CONF = 1;
  private static final int IFLA_INFO_DATA = 2;
  private static final int IFLA_TARGET_NETNSID = 46;
  private static final int IFA_ADDRESS = 1;
  private static final int IFA_LOCAL = 2;
  private static final int IFA_FLAGS = 8;
  private static final int IFA_PROTO = 11;
  private static final int IFA_F_DADFAILED = 0x08;
  private static final int IFA_F_TENTATIVE = 0x40;
  private static final int IFF_UP = 1;

  /** Bytes of struct ifinfomsg. */
  static final int IFINFO = 16;

  /** Bytes of struct ifaddrmsg. */
  private static final int IFADDR = 8;

  private static final int RTM_NEWNEIGH = 28;
  private static final int RTM_GETNEIGH = 30;
  private static final int AF_BRIDGE = 7;
  private static final int NTF_SELF = 2;
  private static final int NDA_LLADDR = 2;

  /** Bytes of struct ndmsg. */
  private static final int NDMSG = 12;

  private final Netlink netlink;

  public Links(Netlink netlink) {
    this.netlink = netlink;
  }

  /**
   * An interface at the time of the query.
   *
   * @param up whether it is administratively up
   * @param carrier whether something is attached: for a TUN device, a process that serves it
   */
  public record Link(int index, String name, int mtu, boolean up, boolean carrier) {
    /** Reads an RTM_NEWLINK or RTM_DELLINK. */
    static Link parse(NetlinkMessage message) throws ProtocolException {
      Map<Integer, ByteBuffer> attributes = message.attributes(IFINFO);
      ByteBuffer name = attributes.get(IFLA_IFNAME);
      ByteBuffer mtu = attributes.get(IFLA_MTU);
      ByteBuffer carrier = attributes.get(IFLA_CARRIER);
      if (name == null) {
        throw new ProtocolException("a link without a name");
      }
      return new Link(
          message.payload().getInt(4),
          NetlinkMessage.string(name),
          mtu == null || mtu.remaining() < 4 ? 0 : mtu.getInt(0),
          (message.payload().getInt(8) & IFF_UP) != 0,
          carrier != null && carrier.remaining() > 0 && carrier.get(0) != 0);
    }
  }

  /** All interfaces of the namespace. */
  public List<Link> list() throws IOException {
    List<Link> links = new ArrayList<>();
    for (NetlinkMessage message : messages()) {
      links.add(Link.parse(message));
    }
    return links;
  }

  /** All interfaces of the namespace, with their relations to each other. */
  List<Device> devices() throws IOException {
    List<Device> devices = new ArrayList<>();
    for (NetlinkMessage message : messages()) {
      devices.add(Device.parse(message));
    }
    return devices;
  }

  /** Whether the interface receives frames for a further unicast address. */
  boolean receivesForOthers(int index) throws IOException {
    // struct ndmsg: family, padding, index, state, flags, type
    NetlinkWriter request =
        new NetlinkWriter(RTM_GETNEIGH, NetlinkMessage.NLM_F_DUMP)
            .u8(AF_BRIDGE)
            .u8(0)
            .u16(0)
            .u32(index)
            .u16(0)
            .u8(0)
            .u8(0);
    for (NetlinkMessage message : netlink.dump("list filters", request)) {
      boolean here = message.type() == RTM_NEWNEIGH && message.payload().getInt(4) == index;
      boolean own = here && (message.payload().get(10) & NTF_SELF) != 0;
      ByteBuffer address = own ? message.attributes(NDMSG).get(NDA_LLADDR) : null;
      if (address != null && address.remaining() == 6 && (address.get(0) & 1) == 0) {
        return true;
      }
    }
    return false;
  }

  /** The kernel's full messages about all interfaces of the namespace. */
  List<NetlinkMessage> messages() throws IOException {
    NetlinkWriter request = link(RTM_GETLINK, NetlinkMessage.NLM_F_DUMP, 0, 0, 0);
    return netlink.dump("list links", request).stream()
        .filter(message -> message.type() == RTM_NEWLINK)
        .toList();
  }

  /**
   * The interface of that name.
   *
   * @throws ErrnoException ENODEV if there is none
   */
  public Link get(String name) throws IOException {
    return single("link " + name, byName(name));
  }

  /**
   * The interface of that index.
   *
   * @throws ErrnoException ENODEV if there is none
   */
  public Link get(int index) throws IOException {
    return single("link " + index, link(RTM_GETLINK, NetlinkMessage.NLM_F_ACK, index, 0, 0));
  }

  /** The interface of that name, if there is one. */
  public Optional<Link> find(String name) throws IOException {
    return find(name, byName(name));
  }

  /** The interface of that name in another network namespace, if there is one. */
  public Optional<Link> find(String name, NamespaceId namespace) throws IOException {
    // (In a request to change a link, this attribute would move the link to that namespace.)
    return find(name, byName(name).attribute(IFLA_TARGET_NETNSID, namespace.number()));
  }

  private Optional<Link> find(String name, NetlinkWriter request) throws IOException {
    NetlinkMessage answer = answer(name, request).orElse(null);
    return answer == null ? Optional.empty() : Optional.of(Link.parse(answer));
  }

  private Optional<NetlinkMessage> answer(String name, NetlinkWriter request) throws IOException {
    try {
      return Optional.of(message("link " + name, request));
    } catch (ErrnoException e) {
      if (e.errno() == Errno.ENODEV) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /**
   * The owner and the number of attached queues of the TUN device of that name.
   *
   * @throws ErrnoException ENODEV if there is none
   */
  public TunQueues tunQueues(String name) throws IOException {
    NetlinkMessage link = message("link " + name, byName(name));
    Map<Integer, ByteBuffer> attributes = link.attributes(IFINFO);
    ByteBuffer info = attributes.get(IFLA_LINKINFO);
    ByteBuffer data = info == null ? null : NetlinkMessage.nested(info).get(IFLA_INFO_DATA);
    return TunQueues.of(data == null ? Map.of() : NetlinkMessage.nested(data));
  }

  /**
   * The reason why the existing interface of that name cannot become a tunnel of ours: it is not a
   * TUN device, or another process serves it. Empty if it can, or if there is no such interface.
   */
  public Optional<String> stranger(String name) throws IOException {
    NetlinkMessage answer = answer(name, byName(name)).orElse(null);
    if (answer == null) {
      return Optional.empty();
    }
    if (!Device.parse(answer).kind().equals("tun")) {
      return Optional.of("it is no TUN device");
    }
    return Link.parse(answer).carrier() ? Optional.of("it is in use by another") : Optional.empty();
  }

  private static NetlinkWriter byName(String name) {
    return link(RTM_GETLINK, NetlinkMessage.NLM_F_ACK, 0, 0, 0).attribute(IFLA_IFNAME, name);
  }

  private Link single(String subject, NetlinkWriter request) throws IOException {
    return Link.parse(message(subject, request));
  }

  private NetlinkMessage message(String subject, NetlinkWriter request) throws IOException {
    for (NetlinkMessage message : netlink.request(subject, request)) {
      if (message.type() == RTM_NEWLINK) {
        return message;
      }
    }
    throw new ProtocolException(subject + ": no answer");
  }

  public void setUp(int index, boolean up) throws IOException {
    netlink.request(
        "set link " + index + (up ? " up" : " down"),
        link(RTM_SETLINK, NetlinkMessage.NLM_F_ACK, index, up ? IFF_UP : 0, IFF_UP));
  }

  public void setMtu(int index, int mtu) throws IOException {
    netlink.request(
        "set MTU " + mtu + " on link " + index,
        link(RTM_SETLINK, NetlinkMessage.NLM_F_ACK, index, 0, 0).attribute(IFLA_MTU, mtu));
  }

  /** Sets the length of each of its queues, in packets. */
  public void setQueueLength(int index, int packets) throws IOException {
    netlink.request(
        "set queue length " + packets + " on link " + index,
        link(RTM_SETLINK, NetlinkMessage.NLM_F_ACK, index, 0, 0).attribute(IFLA_TXQLEN, packets));
  }

  /**
   * Sets one of IPv4's settings of the interface.
   *
   * @param setting its number, an IPV4_DEVCONF of linux/ip.h
   */
  void setIpv4(int index, int setting, int value) throws IOException {
    NetlinkWriter request = link(RTM_SETLINK, NetlinkMessage.NLM_F_ACK, index, 0, 0);
    int families = request.begin(IFLA_AF_SPEC);
    int family = request.begin(LibC.AF_INET);
    request.nested(IFLA_INET_CONF, setting, value);
    request.end(family);
    request.end(families);
    netlink.request("set IPv4's setting " + setting + " of link " + index, request);
  }

  public void delete(int index) throws IOException {
    netlink.request(
        "delete link " + index, link(RTM_DELLINK, NetlinkMessage.NLM_F_ACK, index, 0, 0));
  }

  /**
   * Adds an address to the interface, with the range that is on the link. Does nothing if it has
   * the address already.
   *
   * @param length prefix length; the address may have host bits
   */
  public void addAddress(int index, IpAddress address, int length) throws IOException {
    int flags =
        NetlinkMessage.NLM_F_ACK | NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_REPLACE;
    netlink.request(
        "add address " + address + "/" + length + " to link " + index,
        address(RTM_NEWADDR, flags, index, address, length)
            .attribute(IFA_PROTO, (byte) Routes.PROTOCOL));
  }

  /**
   * Removes an address from the interface.
   *
   * @throws ErrnoException EADDRNOTAVAIL if the interface does not have it
   */
  public void deleteAddress(int index, IpAddress address, int length) throws IOException {
    netlink.request(
        "delete address " + address + "/" + length + " from link " + index,
        address(RTM_DELADDR, NetlinkMessage.NLM_F_ACK, index, address, length));
  }

  /**
   * An address at the time of the query.
   *
   * @param length prefix length of the range that is on the link
   * @param usable false while the kernel checks it for duplicates, or if there is one
   * @param ours whether Culvert added it; kernels before 5.18 cannot tell
   */
  public record Address(
      int interfaceIndex, IpAddress address, int length, boolean usable, boolean ours) {
    static Address parse(NetlinkMessage message) throws ProtocolException {
      Map<Integer, ByteBuffer> attributes = message.attributes(IFADDR);
      ByteBuffer header = message.payload();
      // On a point-to-point link, IFA_ADDRESS is the other end.
      ByteBuffer local = attributes.get(IFA_LOCAL);
      IpAddress address =
          NetlinkMessage.address(local == null ? attributes.get(IFA_ADDRESS) : local);
      if (address == null) {
        throw new ProtocolException("an address message without an address");
      }
      int flags = NetlinkMessage.integer(attributes.get(IFA_FLAGS), header.get(2) & 0xff);
      ByteBuffer protocol = attributes.get(IFA_PROTO);
      return new Address(
          header.getInt(4),
          address,
          header.get(1) & 0xff,
          (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == 0,
          protocol != null && protocol.hasRemaining() && protocol.get(0) == (byte) Routes.PROTOCOL);
    }
  }

  /** All addresses of the namespace. */
  public List<Address> addresses() throws IOException {
    NetlinkWriter request =
        new NetlinkWriter(RTM_GETADDR, NetlinkMessage.NLM_F_DUMP).u8(0).u8(0).u16(0).u32(0);
    List<Address> addresses = new ArrayList<>();
    for (NetlinkMessage message : netlink.dump("list addresses", request)) {
      if (message.type() == RTM_NEWADDR) {
        addresses.add(Address.parse(message));
      }
    }
    return addresses;
  }

  private static NetlinkWriter link(int type, int flags, int index, int linkFlags, int change) {
    // struct ifinfomsg: family, pad, type, index, flags, change
    return new NetlinkWriter(type, flags).u8(0).u8(0).u16(0).u32(index).u32(linkFlags).u32(change);
  }

  private static NetlinkWriter address(
      int type, int flags, int index, IpAddress address, int length) {
    if (length < 0 || length > address.bitLength()) {
      throw new IllegalArgumentException("prefix length " + length + " does not fit " + address);
    }
    // struct ifaddrmsg: family, prefix length, flags, scope, index
    return new NetlinkWriter(type, flags)
        .u8(address.v4() ? LibC.AF_INET : LibC.AF_INET6)
        .u8(length)
        .u8(0)
        .u8(0)
        .u32(index)
        .attribute(IFA_LOCAL, address)
        .attribute(IFA_ADDRESS, address);
  }
}
