// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.BlindSpot.Found;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Real programs, each of which lets everything pass. */
@Tag("integration")
class BpfProgramsTest {
  private static final int SCHED_CLS = 3;
  private static final int XDP = 6;
  private static final int TCX_INGRESS = 46;
  private static final int EGRESS = 0xffff_fff3;

  private NetworkNamespace namespace;

  @BeforeEach
  void makeNode() throws Exception {
    namespace = NetworkNamespace.create();
    namespace.exec("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0");
  }

  @AfterEach
  void leave() {
    namespace.close();
  }

  @Test
  void aFilterOfTcIsFoundByTheNameItWasGivenAndElseByItsProgram() throws Exception {
    namespace.exec("tc", "qdisc", "add", "dev", "eth0", "clsact");
    assertEquals(List.of(), names());
    load("cali_tc_pre", SCHED_CLS, fd -> filter(1, fd, "cil_to_netdev-eth0"));
    load("cali_tc_pre", SCHED_CLS, fd -> filter(2, fd, ""));
    assertEquals(
        List.of(
            "program cil_to_netdev-eth0 at tc egress of eth0",
            "program cali_tc_pre at tc egress of eth0"),
        names());
  }

  @Test
  void aFilterWithoutAProgramIsNone() throws Exception {
    namespace.exec("tc", "qdisc", "add", "dev", "eth0", "clsact");
    namespace.exec("tc", "filter", "add", "dev", "eth0", "egress", "bpf", "bytecode", "1,6 0 0 0,");
    assertEquals(List.of(), names());
  }

  @Test
  void aProgramOfTcxIsFoundThoughNoFilterOfTcIs() throws Exception {
    load(
        "cali_tc_main",
        SCHED_CLS,
        fd -> {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment attach = arena.allocate(64, 8);
            attach.set(JAVA_INT, 0, index());
            attach.set(JAVA_INT, 4, fd);
            attach.set(JAVA_INT, 8, TCX_INGRESS);
            return ErrnoException.check("attach to tcx", Bpf.call(8, attach));
          }
        });
    assertEquals(List.of("program cali_tc_main at tc ingress of eth0"), names());
    assertEquals(
        List.of(new Found(BlindSpot.CALICO_EBPF, "program cali_tc_main at tc ingress of eth0")),
        blindSpots());
  }

  @Test
  void aProgramOfXdpIsFound() throws Exception {
    load(
        "cil_xdp_entry",
        XDP,
        fd -> {
          // IFLA_XDP_FD, and IFLA_XDP_FLAGS with XDP_FLAGS_SKB_MODE
          NetlinkWriter request =
              new NetlinkWriter(19, NetlinkMessage.NLM_F_ACK)
                  .u32(0)
                  .u32(index())
                  .u32(0)
                  .u32(0)
                  .attribute(43, nested(integer(1, fd), integer(3, 2)));
          return request("attach XDP", request);
        });
    assertEquals(List.of("program cil_xdp_entry at XDP of eth0"), names());
    assertEquals(
        List.of(
            new Found(BlindSpot.CILIUM, "program cil_xdp_entry at XDP of eth0"),
            new Found(BlindSpot.XDP, "program cil_xdp_entry at XDP of eth0")),
        blindSpots());
  }

  private List<Found> blindSpots() throws Exception {
    Path bpf = Path.of("/nonexistent");
    return namespace.call(() -> BlindSpots.find(List.of("eth0"), bpf, Optional::empty));
  }

  private List<String> names() throws Exception {
    return namespace.call(
        () -> {
          try (Netlink netlink = Netlink.open()) {
            return BpfPrograms.list(netlink).stream().map(BpfProgram::toString).toList();
          }
        });
  }

  private static int index() throws Exception {
    try (Netlink netlink = Netlink.open()) {
      return new Links(netlink).get("eth0").index();
    }
  }

  private static int request(String name, NetlinkWriter request) throws Exception {
    try (Netlink netlink = Netlink.open()) {
      return netlink.request(name, request).size();
    }
  }

  private static int filter(int priority, int fd, String name) throws Exception {
    byte[] options =
        name.isEmpty()
            ? nested(integer(6, fd), integer(8, 1))
            : nested(integer(6, fd), text(7, name), integer(8, 1));
    NetlinkWriter request =
        new NetlinkWriter(44, NetlinkMessage.NLM_F_ACK | NetlinkMessage.NLM_F_CREATE)
            .u32(0)
            .u32(index())
            .u32(0)
            .u32(EGRESS)
            .u32(priority << 16 | 0x0300) // ETH_P_ALL in network order
            .attribute(1, "bpf")
            .attribute(2, options);
    return request("add filter", request);
  }

  private static byte[] nested(byte[]... attributes) {
    ByteBuffer all = ByteBuffer.allocate(256);
    for (byte[] attribute : attributes) {
      all.put(attribute).position(all.position() + 3 & ~3);
    }
    byte[] bytes = new byte[all.position()];
    all.get(0, bytes);
    return bytes;
  }

  private static byte[] integer(int type, int value) {
    ByteBuffer attribute = ByteBuffer.allocate(8).order(ByteOrder.nativeOrder());
    return attribute.putShort((short) 8).putShort((short) type).putInt(value).array();
  }

  private static byte[] text(int type, String value) {
    byte[] bytes = (value + "\0").getBytes(US_ASCII);
    ByteBuffer attribute = ByteBuffer.allocate(4 + bytes.length).order(ByteOrder.nativeOrder());
    return attribute.putShort((short) (4 + bytes.length)).putShort((short) type).put(bytes).array();
  }

  private interface Attachment {
    int attach(int fd) throws Exception;
  }

  private void load(String name, int type, Attachment attachment) throws Exception {
    Callable<Integer> work =
        () -> {
          int fd = load(name, type);
          try {
            return attachment.attach(fd);
          } finally {
            LIBC.close(fd);
          }
        };
    namespace.call(work);
  }

  /** A program that lets packets go on to the next: TC_ACT_UNSPEC, or XDP_PASS. */
  private static int load(String name, int type) throws Exception {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment code = arena.allocate(16, 8);
      code.set(JAVA_INT, 0, 0xb7); // r0 = ...
      code.set(JAVA_INT, 4, type == XDP ? 2 : -1);
      code.set(JAVA_INT, 8, 0x95); // exit
      MemorySegment attributes = arena.allocate(64, 8);
      attributes.set(JAVA_INT, 0, type);
      attributes.set(JAVA_INT, 4, 2);
      attributes.set(JAVA_LONG, 8, code.address());
      attributes.set(JAVA_LONG, 16, arena.allocateFrom("GPL").address());
      attributes.setString(48, name);
      return ErrnoException.check("load a program", Bpf.call(5, attributes));
    }
  }
}
