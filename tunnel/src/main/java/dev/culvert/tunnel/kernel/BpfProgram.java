// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A BPF program that handles a device's packets before or after nftables does.
 *
 * @param hook its hook, such as {@code tc ingress}
 * @param name the name that its maker gave it, empty if the kernel does not tell
 */
record BpfProgram(String device, String hook, String name) {
  static final String XDP = "XDP";

  private static final int TCA_KIND = 1;
  private static final int TCA_OPTIONS = 2;
  private static final int TCA_BPF_NAME = 7;
  private static final int TCA_BPF_ID = 11;

  /** Bytes of struct tcmsg. */
  private static final int TCMSG = 20;

  private static final int IFLA_XDP = 43;
  private static final int IFLA_XDP_ATTACHED = 2;
  private static final int IFLA_XDP_PROG_ID = 4;

  /** Looks up a program's name by the kernel's number for it. */
  interface Names {
    String of(int id);
  }

  /** Reads an RTM_NEWTFILTER: empty when the filter is no program. */
  static Optional<BpfProgram> ofFilter(
      String device, String hook, NetlinkMessage message, Names names) throws ProtocolException {
    Map<Integer, ByteBuffer> attributes = message.attributes(TCMSG);
    ByteBuffer options = attributes.get(TCA_OPTIONS);
    if (!text(attributes.get(TCA_KIND)).equals("bpf") || options == null) {
      return Optional.empty();
    }
    Map<Integer, ByteBuffer> bpf = NetlinkMessage.nested(options);
    String given = text(bpf.get(TCA_BPF_NAME));
    int id = NetlinkMessage.integer(bpf.get(TCA_BPF_ID), 0);
    // The first message for a priority describes no program, and classic BPF has no name.
    return given.isEmpty() && id == 0
        ? Optional.empty()
        : Optional.of(new BpfProgram(device, hook, given.isEmpty() ? names.of(id) : given));
  }

  /** Reads an RTM_NEWLINK: the XDP program that the driver, or the kernel in its place, runs. */
  static Optional<BpfProgram> ofLink(String device, NetlinkMessage message, Names names)
      throws ProtocolException {
    ByteBuffer attribute = message.attributes(Links.IFINFO).get(IFLA_XDP);
    if (attribute == null) {
      return Optional.empty();
    }
    Map<Integer, ByteBuffer> xdp = NetlinkMessage.nested(attribute);
    ByteBuffer attached = xdp.get(IFLA_XDP_ATTACHED);
    if (attached == null || !attached.hasRemaining() || attached.get(0) == 0) {
      return Optional.empty();
    }
    int id = NetlinkMessage.integer(xdp.get(IFLA_XDP_PROG_ID), 0);
    return Optional.of(new BpfProgram(device, XDP, id == 0 ? "" : names.of(id)));
  }

  private static String text(@Nullable ByteBuffer attribute) {
    return attribute == null ? "" : NetlinkMessage.string(attribute);
  }

  @Override
  public String toString() {
    return (name.isEmpty() ? "a program" : "program " + name) + " at " + hook + " of " + device;
  }
}
