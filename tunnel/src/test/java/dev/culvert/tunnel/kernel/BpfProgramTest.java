// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The kernel's reports on filters and links are read rightly, without a kernel. */
class BpfProgramTest {
  private static final BpfProgram.Names NAMES = id -> "number " + id;

  private static byte[] attributes(NetlinkWriter writer) {
    byte[] bytes = writer.toBytes(1);
    return Arrays.copyOfRange(bytes, NetlinkMessage.HEADER, bytes.length);
  }

  private static Optional<BpfProgram> filter(String kind, byte[] options) throws Exception {
    NetlinkWriter message =
        new NetlinkWriter(44, 0)
            .u32(0)
            .u32(5)
            .u32(1)
            .u32(0xffff_fff3)
            .u32(0)
            .attribute(1, kind)
            .attribute(2, options);
    return BpfProgram.ofFilter("eth0", "tc egress", parsed(message), NAMES);
  }

  private static Optional<BpfProgram> link(byte[] xdp) throws Exception {
    NetlinkWriter message = new NetlinkWriter(16, 0).u32(0).u32(5).u32(0).u32(0).attribute(43, xdp);
    return BpfProgram.ofLink("eth0", parsed(message), NAMES);
  }

  private static NetlinkMessage parsed(NetlinkWriter message) throws ProtocolException {
    return NetlinkMessage.parse(ByteBuffer.wrap(message.toBytes(1))).getFirst();
  }

  @Test
  void aFilterIsCalledAsItWasGivenOrAsItsProgram() throws Exception {
    byte[] both = attributes(new NetlinkWriter(0, 0).attribute(7, "cil_a").attribute(11, 12));
    assertEquals("cil_a", filter("bpf", both).orElseThrow().name());
    byte[] number = attributes(new NetlinkWriter(0, 0).attribute(11, 12));
    assertEquals("number 12", filter("bpf", number).orElseThrow().name());
  }

  @Test
  void aFilterOfAnotherKindOrOfClassicBpfIsNoProgram() throws Exception {
    byte[] number = attributes(new NetlinkWriter(0, 0).attribute(11, 12));
    assertEquals(Optional.empty(), filter("flower", number));
    assertEquals(Optional.empty(), filter("bpf", new byte[0]));
  }

  @Test
  void aLinkHasAProgramWhileOneIsAttached() throws Exception {
    byte[] none = attributes(new NetlinkWriter(0, 0).attribute(2, (byte) 0));
    assertEquals(Optional.empty(), link(none));
    byte[] one = attributes(new NetlinkWriter(0, 0).attribute(2, (byte) 2).attribute(4, 9));
    assertEquals("program number 9 at XDP of eth0", link(one).orElseThrow().toString());
    // Attached in several modes, each has an attribute of its own.
    byte[] several = attributes(new NetlinkWriter(0, 0).attribute(2, (byte) 4));
    assertEquals("a program at XDP of eth0", link(several).orElseThrow().toString());
  }

  @Test
  void attributesThatDoNotFitAreRefused() {
    byte[] options = attributes(new NetlinkWriter(0, 0).attribute(7, "cil_a"));
    options[0] = 90;
    assertThrows(ProtocolException.class, () -> filter("bpf", options));
    assertThrows(ProtocolException.class, () -> link(options));
  }
}
