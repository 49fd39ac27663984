// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Lists the BPF programs that handle packets of devices in a network namespace: filters of tc,
 * programs of tcx, and XDP. Programs of cgroups and sockets are left out, since nftables sees all
 * packets that those let pass.
 */
final class BpfPrograms {
  private static final int RTM_NEWTFILTER = 44;
  private static final int RTM_GETTFILTER = 46;

  private record Hook(String name, int parent, int attachType) {}

  /** The hooks, with the parents of clsact and with BPF_TCX_INGRESS and _EGRESS. */
  private static final List<Hook> HOOKS =
      List.of(new Hook("tc ingress", 0xffff_fff2, 46), new Hook("tc egress", 0xffff_fff3, 47));

  private BpfPrograms() {}

  /**
   * All such programs in the namespace of {@code netlink}, which has to be the calling thread's.
   */
  static List<BpfProgram> list(Netlink netlink) throws IOException {
    Links links = new Links(netlink);
    List<BpfProgram> programs = new ArrayList<>();
    for (NetlinkMessage message : links.messages()) {
      Links.Link link = Links.Link.parse(message);
      BpfProgram.ofLink(link.name(), message, Bpf::name).ifPresent(programs::add);
      for (Hook hook : HOOKS) {
        addFilters(netlink, link, hook, programs);
        for (int id : Bpf.attached(link.index(), hook.attachType())) {
          programs.add(new BpfProgram(link.name(), hook.name(), Bpf.name(id)));
        }
      }
    }
    return programs;
  }

  private static void addFilters(
      Netlink netlink, Links.Link link, Hook hook, List<BpfProgram> programs) throws IOException {
    // struct tcmsg: family, padding, index, handle, parent, info
    NetlinkWriter request =
        new NetlinkWriter(RTM_GETTFILTER, NetlinkMessage.NLM_F_DUMP)
            .u8(0)
            .u8(0)
            .u16(0)
            .u32(link.index())
            .u32(0)
            .u32(hook.parent())
            .u32(0);
    try {
      for (NetlinkMessage message : netlink.dump("list filters of " + link.name(), request)) {
        if (message.type() == RTM_NEWTFILTER) {
          BpfProgram.ofFilter(link.name(), hook.name(), message, Bpf::name)
              .ifPresent(programs::add);
        }
      }
    } catch (ErrnoException e) {
      if (e.errno() != Errno.EOPNOTSUPP) {
        throw e;
      }
      // The kernel was built without filters of tc.
    }
  }
}
