// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Mark;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.PlanText;
import dev.culvert.routing.plan.RulePlan;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The kernel's policy routing rules, which choose a table for a packet, through rtnetlink. Ours
 * carry {@link Routes#PROTOCOL}: rules of other programs are not listed or deleted here.
 */
public final class Rules {
  static final int RTM_NEWRULE = 32;
  static final int RTM_DELRULE = 33;
  private static final int RTM_GETRULE = 34;

  private static final int FRA_DST = 1;
  private static final int FRA_SRC = 2;
  private static final int FRA_IIFNAME = 3;
  private static final int FRA_PRIORITY = 6;
  private static final int FRA_FWMARK = 10;
  private static final int FRA_SUPPRESS_PREFIXLEN = 14;
  private static final int FRA_TABLE = 15;
  private static final int FRA_FWMASK = 16;
  private static final int FRA_PROTOCOL = 21;
  private static final int FRA_IP_PROTO = 22;
  private static final int FRA_SPORT_RANGE = 23;
  private static final int FRA_DPORT_RANGE = 24;

  /**
   * Attributes that a rule of ours may have; the kernel adds a suppressor of -1 and single ports'
   * masks.
   */
  private static final Set<Integer> KNOWN =
      Set.of(
          FRA_DST,
          FRA_SRC,
          FRA_IIFNAME,
          FRA_PRIORITY,
          FRA_FWMARK,
          FRA_SUPPRESS_PREFIXLEN,
          FRA_TABLE,
          FRA_FWMASK,
          18, // FRA_PAD
          FRA_PROTOCOL,
          FRA_IP_PROTO,
          FRA_SPORT_RANGE,
          FRA_DPORT_RANGE,
          28, // FRA_SPORT_MASK
          29); // FRA_DPORT_MASK

  /** The input device of the host's own packets. */
  private static final String LOOPBACK = "lo";

  private static final int FR_ACT_TO_TBL = 1;
  private static final int FR_ACT_UNREACHABLE = 7;
  private static final int FIB_RULE_INVERT = 2;

  /** Bytes of struct fib_rule_hdr. */
  private static final int HEADER = 12;

  private final Netlink netlink;

  public Rules(Netlink netlink) {
    this.netlink = netlink;
  }

  /** The rule in the kernel's form, in which a range of all addresses is no selector. */
  static RulePlan canonical(RulePlan rule) {
    return new RulePlan(
        rule.v4(),
        rule.priority(),
        rule.local(),
        some(rule.source()),
        some(rule.destination()),
        rule.protocol(),
        rule.sourcePorts(),
        rule.destinationPorts(),
        rule.mark(),
        rule.table());
  }

  private static @Nullable Prefix some(@Nullable Prefix prefix) {
    return prefix == null || prefix.length() == 0 ? null : prefix;
  }

  /**
   * Whether a request to delete {@code request} may make the kernel delete {@code rule}: the kernel
   * does not compare selectors that the request leaves out.
   */
  static boolean deletes(RulePlan request, RulePlan rule) {
    return request.v4() == rule.v4()
        && request.priority() == rule.priority()
        && request.table() == rule.table()
        && (!request.local() || rule.local())
        && (request.protocol() == 0 || request.protocol() == rule.protocol())
        && anyOrEqual(request.source(), rule.source())
        && anyOrEqual(request.destination(), rule.destination())
        && anyOrEqual(request.sourcePorts(), rule.sourcePorts())
        && anyOrEqual(request.destinationPorts(), rule.destinationPorts())
        && deletesMark(request.mark(), rule.mark());
  }

  private static boolean anyOrEqual(@Nullable Object requested, @Nullable Object actual) {
    return requested == null || requested.equals(actual);
  }

  /**
   * Whether the kernel finds the marks equal: it does not compare a mark of 0, but compares its
   * mask.
   */
  private static boolean deletesMark(@Nullable Mark requested, @Nullable Mark actual) {
    return requested == null
        || (actual != null
            && requested.mask() == actual.mask()
            && (requested.value() == 0 || requested.value() == actual.value()));
  }

  /** The number of selectors that it compares, apart from priority and table. */
  static int selectors(RulePlan rule) {
    Mark mark = rule.mark();
    int count = (rule.local() ? 1 : 0) + (rule.protocol() == 0 ? 0 : 1);
    count += mark == null ? 0 : mark.value() == 0 ? 1 : 2;
    for (Object selector :
        new @Nullable Object[] {
          rule.source(), rule.destination(), rule.sourcePorts(), rule.destinationPorts()
        }) {
      count += selector == null ? 0 : 1;
    }
    return count;
  }

  /** Adds a rule behind those of its priority, even if there is an equal one. */
  public void add(RulePlan rule) throws IOException {
    netlink.request(
        "add rule " + PlanText.of(rule), write(RTM_NEWRULE, NetlinkMessage.NLM_F_CREATE, rule));
  }

  /**
   * Deletes the first of our rules that fits the request, see {@link #deletes}.
   *
   * @throws ErrnoException ENOENT if there is none
   */
  public void delete(RulePlan rule) throws IOException {
    netlink.request("delete rule " + PlanText.of(rule), write(RTM_DELRULE, 0, rule));
  }

  static NetlinkWriter write(int type, int flags, RulePlan rule) {
    Prefix from = some(rule.source());
    Prefix to = some(rule.destination());
    Mark mark = rule.mark();
    // struct fib_rule_hdr: family, lengths, type of service, table, two reserved, action, flags
    NetlinkWriter request =
        new NetlinkWriter(type, flags | NetlinkMessage.NLM_F_ACK)
            .u8(rule.v4() ? LibC.AF_INET : LibC.AF_INET6)
            .u8(to == null ? 0 : to.length())
            .u8(from == null ? 0 : from.length())
            .u8(0)
            .u8(0) // the table stands in an attribute, which has room for all of it
            .u16(0)
            .u8(rule.table() == RulePlan.UNREACHABLE ? FR_ACT_UNREACHABLE : FR_ACT_TO_TBL)
            .u32(0)
            .attribute(FRA_PRIORITY, rule.priority())
            .attribute(FRA_TABLE, rule.table())
            .attribute(FRA_PROTOCOL, (byte) Routes.PROTOCOL);
    if (from != null) {
      request.attribute(FRA_SRC, from.address());
    }
    if (to != null) {
      request.attribute(FRA_DST, to.address());
    }
    if (rule.local()) {
      request.attribute(FRA_IIFNAME, LOOPBACK);
    }
    if (mark != null) {
      request.attribute(FRA_FWMARK, mark.value()).attribute(FRA_FWMASK, mark.mask());
    }
    if (rule.protocol() != 0) {
      request.attribute(FRA_IP_PROTO, (byte) rule.protocol());
    }
    writePorts(request, FRA_SPORT_RANGE, rule.sourcePorts());
    writePorts(request, FRA_DPORT_RANGE, rule.destinationPorts());
    return request;
  }

  private static void writePorts(NetlinkWriter request, int type, @Nullable PortRange ports) {
    if (ports != null) {
      request.u16(8).u16(type).u16(ports.first()).u16(ports.last());
    }
  }

  /** Our rules for both families, each in the order in which the kernel asks them. */
  public List<RulePlan> list() throws IOException {
    List<RulePlan> rules = new ArrayList<>();
    for (NetlinkMessage message : dump()) {
      RulePlan rule = parse(message);
      if (rule != null) {
        rules.add(rule);
      }
    }
    return rules;
  }

  private List<NetlinkMessage> dump() throws IOException {
    List<NetlinkMessage> messages = new ArrayList<>();
    for (int family : new int[] {LibC.AF_INET, LibC.AF_INET6}) {
      NetlinkWriter request =
          new NetlinkWriter(RTM_GETRULE, NetlinkMessage.NLM_F_DUMP)
              .u8(family)
              .u8(0)
              .u16(0)
              .u32(0)
              .u32(0);
      for (NetlinkMessage message : netlink.dump("list rules", request)) {
        if (message.type() == RTM_NEWRULE) {
          messages.add(message);
        }
      }
    }
    return messages;
  }

  /** Rules that lead into the tables of Cilium's proxy, as text. */
  List<String> listCilium() throws IOException {
    List<String> found = new ArrayList<>();
    for (NetlinkMessage message : dump()) {
      Map<Integer, ByteBuffer> attributes = message.attributes(HEADER);
      int table = NetlinkMessage.integer(attributes.get(FRA_TABLE), 0);
      int mark = NetlinkMessage.integer(attributes.get(FRA_FWMARK), 0);
      int mask = NetlinkMessage.integer(attributes.get(FRA_FWMASK), 0);
      // The marks 0x200 and 0xa00 under 0xf00 are fixed in Cilium's programs.
      boolean proxy =
          mask == 0xf00 && ((mark == 0x200 && table == 2004) || (mark == 0xa00 && table == 2005));
      if (proxy) {
        found.add("fwmark 0x%x/0x%x lookup %d".formatted(mark, mask, table));
      }
    }
    return found;
  }

  /** Reads an RTM_NEWRULE, null if it is not ours or of a kind that we never add. */
  static @Nullable RulePlan parse(NetlinkMessage message) throws ProtocolException {
    Map<Integer, ByteBuffer> attributes = message.attributes(HEADER);
    ByteBuffer header = message.payload();
    boolean unreachable = header.get(7) == FR_ACT_UNREACHABLE;
    boolean plain =
        header.get(3) == 0
            && (unreachable || header.get(7) == FR_ACT_TO_TBL)
            && (header.getInt(8) & FIB_RULE_INVERT) == 0
            && NetlinkMessage.integer(attributes.get(FRA_SUPPRESS_PREFIXLEN), -1) == -1
            && KNOWN.containsAll(attributes.keySet());
    int priority = NetlinkMessage.integer(attributes.get(FRA_PRIORITY), 0);
    int table = NetlinkMessage.integer(attributes.get(FRA_TABLE), header.get(4) & 0xff);
    boolean ours = octet(attributes.get(FRA_PROTOCOL)) == Routes.PROTOCOL;
    ByteBuffer device = attributes.get(FRA_IIFNAME);
    boolean local = device != null && NetlinkMessage.string(device).equals(LOOPBACK);
    if (!ours
        || !plain
        || priority < 1
        || unreachable != (table == RulePlan.UNREACHABLE)
        || table < 0
        || (device != null && !local)) {
      return null;
    }
    int protocol = octet(attributes.get(FRA_IP_PROTO));
    PortRange sourcePorts = ports(attributes.get(FRA_SPORT_RANGE));
    PortRange destinationPorts = ports(attributes.get(FRA_DPORT_RANGE));
    boolean v4 = header.get(0) == LibC.AF_INET;
    if ((protocol == 0 && (sourcePorts != null || destinationPorts != null))
        || !fits(v4, attributes.get(FRA_SRC), header.get(2) & 0xff)
        || !fits(v4, attributes.get(FRA_DST), header.get(1) & 0xff)) {
      return null;
    }
    int mask = NetlinkMessage.integer(attributes.get(FRA_FWMASK), 0);
    int mark = NetlinkMessage.integer(attributes.get(FRA_FWMARK), 0) & mask;
    return new RulePlan(
        v4,
        priority,
        local,
        prefix(attributes.get(FRA_SRC), header.get(2) & 0xff),
        prefix(attributes.get(FRA_DST), header.get(1) & 0xff),
        protocol,
        sourcePorts,
        destinationPorts,
        mask == 0 ? null : new Mark(mark, mask),
        table);
  }

  private static int octet(@Nullable ByteBuffer attribute) {
    return attribute == null || !attribute.hasRemaining() ? 0 : attribute.get(0) & 0xff;
  }

  /**
   * Whether an attribute has an address of the rule's family. IPv4-mapped addresses do not count,
   * since we never add them.
   */
  private static boolean fits(boolean v4, @Nullable ByteBuffer attribute, int length)
      throws ProtocolException {
    IpAddress address = NetlinkMessage.address(attribute);
    return address == null || (address.v4() == v4 && length <= address.bitLength());
  }

  private static @Nullable Prefix prefix(@Nullable ByteBuffer attribute, int length)
      throws ProtocolException {
    IpAddress address = NetlinkMessage.address(attribute);
    return address == null ? null : new Prefix(address, length);
  }

  private static @Nullable PortRange ports(@Nullable ByteBuffer attribute)
      throws ProtocolException {
    if (attribute == null || attribute.remaining() < 4) {
      return null;
    }
    int first = attribute.getShort(0) & 0xffff;
    int last = attribute.getShort(2) & 0xffff;
    if (first == 0 || last < first) {
      throw new ProtocolException("ports " + first + " to " + last);
    }
    return new PortRange(first, last);
  }
}
