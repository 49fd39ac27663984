// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.AddressSet;
import dev.culvert.routing.plan.Guard;
import dev.culvert.routing.plan.GuardText;
import dev.culvert.routing.plan.LinkGuardText;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Changes ranges in the guard's sets where they are, in one transaction over both layers. Another
 * run of {@code nft} would read, write and check all ranges for a change of one, which takes
 * seconds of processor time with thousands of nodes.
 *
 * <p>Works in the network namespace of the thread that opened it. Not thread-safe.
 */
final class GuardRanges implements AutoCloseable {
  /** More ranges than this go faster through {@code nft}, and would not fit into a datagram. */
  static final int MOST = 400;

  private static final int NFT_MSG_NEWSETELEM = 12;
  private static final int NFT_MSG_DELSETELEM = 14;

  // NFTA_SET_ELEM_LIST_*, NFTA_LIST_ELEM, NFTA_SET_ELEM_*, NFTA_DATA_VALUE
  private static final int TABLE = 1;
  private static final int SET = 2;
  private static final int ELEMENTS = 3;
  private static final int ELEMENT = 1;
  private static final int KEY = 1;
  private static final int FLAGS = 3;
  private static final int VALUE = 1;

  /** NFT_SET_ELEM_INTERVAL_END in the byte order of the network. */
  private static final byte[] END = {0, 0, 0, 1};

  /** Bytes of a range: two elements of an IPv6 address with flags. */
  private static final int BYTES_PER_RANGE = 96;

  private static final int BYTES_PER_REQUEST = 256;

  private final Netlink netlink;

  private GuardRanges(Netlink netlink) {
    this.netlink = netlink;
  }

  static GuardRanges open() throws IOException {
    return new GuardRanges(Netlink.open(Netlink.NETLINK_NETFILTER, 0));
  }

  /**
   * Makes the ranges of a guard those of another one with the same rules.
   *
   * @param before the guard in the kernel
   * @param linkLayer whether the second layer is there too
   * @return how many ranges changed; -1 if they are too many for this, and nothing was changed
   * @throws IOException if the kernel refuses, and nothing was changed
   */
  int change(Guard before, Guard after, boolean linkLayer) throws IOException {
    List<NetlinkWriter> requests = new ArrayList<>();
    int count =
        add(GuardTable.NFPROTO_INET, GuardText.sets(before), GuardText.sets(after), requests);
    if (linkLayer) {
      count +=
          add(
              GuardTable.NFPROTO_NETDEV,
              LinkGuardText.sets(before),
              LinkGuardText.sets(after),
              requests);
    }
    if (count > MOST) {
      return -1;
    }
    if (!requests.isEmpty()) {
      netlink.transaction("change ranges of the guard", requests);
    }
    return count;
  }

  /** Whether a change that the kernel tells of was made here. */
  boolean made(NetlinkMessage news) {
    return netlink.made(news);
  }

  private static int add(
      int family, List<AddressSet> before, List<AddressSet> after, List<NetlinkWriter> requests) {
    int count = 0;
    for (int i = 0; i < after.size(); i++) {
      Set<Prefix> gone = new HashSet<>(before.get(i).prefixes());
      Set<Prefix> come = new HashSet<>(after.get(i).prefixes());
      after.get(i).prefixes().forEach(gone::remove);
      before.get(i).prefixes().forEach(come::remove);
      count += gone.size() + come.size();
      if (count > MOST) {
        return count;
      }
      for (boolean v4 : new boolean[] {true, false}) {
        String set = AddressSet.name(after.get(i).base(), v4);
        // Ranges that go may lie inside those that come.
        add(NFT_MSG_DELSETELEM, 0, family, set, of(gone, v4), requests);
        add(NFT_MSG_NEWSETELEM, NetlinkMessage.NLM_F_CREATE, family, set, of(come, v4), requests);
      }
    }
    return count;
  }

  private static List<Prefix> of(Set<Prefix> ranges, boolean v4) {
    return ranges.stream().filter(range -> range.address().v4() == v4).sorted().toList();
  }

  private static void add(
      int message,
      int flags,
      int family,
      String set,
      List<Prefix> ranges,
      List<NetlinkWriter> requests) {
    if (ranges.isEmpty()) {
      return;
    }
    NetlinkWriter request =
        new NetlinkWriter(
            Netlink.NFNL_SUBSYS_NFTABLES << 8 | message,
            flags,
            BYTES_PER_REQUEST + BYTES_PER_RANGE * ranges.size());
    request.u8(family).u8(0).u16(0);
    request.attribute(TABLE, GuardTable.NAME).attribute(SET, set);
    int elements = request.begin(ELEMENTS);
    for (Prefix range : ranges) {
      element(request, range.address().toBytes(), false);
      byte[] end = behind(range);
      if (end.length > 0) {
        element(request, end, true);
      }
    }
    request.end(elements);
    requests.add(request);
  }

  private static void element(NetlinkWriter request, byte[] address, boolean end) {
    int element = request.begin(ELEMENT);
    int key = request.begin(KEY);
    request.attribute(VALUE, address);
    request.end(key);
    if (end) {
      request.attribute(FLAGS, END);
    }
    request.end(element);
  }

  /** The address behind a range; empty if it ends with the last address of all. */
  private static byte[] behind(Prefix range) {
    byte[] address = range.address().toBytes();
    int carry = range.length() == 0 ? 0 : 1 << (Byte.SIZE - 1 - (range.length() - 1) % Byte.SIZE);
    for (int i = (range.length() - 1) / Byte.SIZE; i >= 0 && carry > 0; i--) {
      int sum = (address[i] & 0xff) + carry;
      address[i] = (byte) sum;
      if (sum <= 0xff) {
        return address;
      }
      carry = 1;
    }
    return new byte[0];
  }

  @Override
  public void close() {
    netlink.close();
  }
}
