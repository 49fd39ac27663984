// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;

/**
 * The number of another network namespace in this one. Unlike a descriptor or a socket, it does not
 * keep the other namespace alive.
 */
public record NamespaceId(int number) {
  private static final int RTM_NEWNSID = 88;
  private static final int RTM_GETNSID = 90;
  private static final int NETNSA_NSID = 1;
  private static final int NETNSA_FD = 3;
  private static final int NOT_ASSIGNED = -1;

  /** Bytes of struct rtgenmsg, padded. */
  private static final int RTGENMSG = 4;

  /**
   * The other namespace's number in the socket's namespace, assigned now if it has none.
   *
   * @param fd descriptor of the other namespace
   */
  public static NamespaceId of(Netlink netlink, int fd) throws IOException {
    int number = ask(netlink, fd);
    if (number == NOT_ASSIGNED) {
      try {
        netlink.request(
            "number a network namespace",
            request(RTM_NEWNSID, fd).attribute(NETNSA_NSID, NOT_ASSIGNED));
      } catch (ErrnoException e) {
        if (e.errno() != Errno.EEXIST) { // Another process may have assigned one meanwhile.
          throw e;
        }
      }
      number = ask(netlink, fd);
    }
    if (number == NOT_ASSIGNED) {
      throw new ProtocolException("a network namespace without a number");
    }
    return new NamespaceId(number);
  }

  private static int ask(Netlink netlink, int fd) throws IOException {
    String name = "ask for the number of a network namespace";
    for (NetlinkMessage answer : netlink.request(name, request(RTM_GETNSID, fd))) {
      ByteBuffer number = answer.attributes(RTGENMSG).get(NETNSA_NSID);
      return NetlinkMessage.integer(number, NOT_ASSIGNED);
    }
    throw new ProtocolException(name + ": no answer");
  }

  private static NetlinkWriter request(int type, int fd) {
    return new NetlinkWriter(type, NetlinkMessage.NLM_F_ACK)
        .u8(0)
        .u8(0)
        .u16(0)
        .attribute(NETNSA_FD, fd);
  }
}
