// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static dev.culvert.tunnel.port.Wire.*;

import dev.culvert.tunnel.kernel.ErrnoException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A classic BPF program (linux/filter.h) by which the kernel drops packets that a socket does not
 * want: 8 bytes per instruction, struct sock_fprog 16 bytes.
 */
public final class SocketFilter {
  static final int LOAD_WORD = 0x20;
  static final int LOAD_SHORT = 0x28;
  static final int LOAD_BYTE = 0x30;

  /** Loads the short at the operand plus the index register. */
  static final int LOAD_SHORT_INDEXED = 0x48;

  /** Loads an IPv4 header's length into the index register. */
  static final int LOAD_INDEX_V4_HEADER = 0xb1;

  static final int MODULO = 0x94;
  static final int JUMP_EQUAL = 0x15;
  static final int JUMP_IF_BITS = 0x45;
  static final int RETURN = 0x06;

  /** Base of offsets that count from the IP header. */
  static final int NETWORK_HEADER = -0x10_0000;

  /** The pseudo-offset of the EtherType. */
  static final int ETHER_TYPE = -0x1000;

  static final int ALL = -1;

  private static final int SO_ATTACH_FILTER = 26;

  private final List<Instruction> program = new ArrayList<>();

  private record Instruction(int code, int then, int otherwise, int operand) {}

  SocketFilter() {}

  /** Adds an instruction that is no jump. */
  SocketFilter add(int code, int operand) {
    return add(code, 0, 0, operand);
  }

  /**
   * Adds an instruction.
   *
   * @param then instructions to skip if the comparison holds
   * @param otherwise instructions to skip if it fails
   */
  SocketFilter add(int code, int then, int otherwise, int operand) {
    program.add(new Instruction(code, then, otherwise, operand));
    return this;
  }

  void attach(int fd) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment code = arena.allocate(program.size() * 8L, 8);
      long at = 0;
      for (Instruction instruction : program) {
        code.set(SHORT, at, (short) instruction.code());
        code.set(SHORT, at + 2, (short) (instruction.otherwise() << 8 | instruction.then()));
        code.set(INT, at + 4, instruction.operand());
        at += 8;
      }
      MemorySegment head = arena.allocate(16, 8);
      head.set(SHORT, 0, (short) program.size());
      head.set(LONG, 8, code.address());
      ErrnoException.check(
          "setsockopt SO_ATTACH_FILTER",
          LIBC.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, head.address(), 16));
    }
  }

  /** A filter that lets every packet pass. */
  public static SocketFilter everything() {
    return new SocketFilter().add(RETURN, ALL);
  }

  /**
   * A filter for a gateway's underlay packets: UDP from or to its port, and ESP if it uses that.
   * Later fragments of UDP have no port, and are left out.
   *
   * @param port 1 to 65535
   * @param esp whether IP protocol 50 passes too
   */
  public static SocketFilter underlay(int port, boolean esp) {
    int protocolOfEsp = esp ? 50 : 256; // No packet has the second value.
    return new SocketFilter()
        .add(LOAD_WORD, ETHER_TYPE)
        .add(JUMP_EQUAL, 0, 10, 0x0800)
        .add(LOAD_BYTE, NETWORK_HEADER + 9)
        .add(JUMP_EQUAL, 17, 0, protocolOfEsp)
        .add(JUMP_EQUAL, 0, 15, 17)
        .add(LOAD_SHORT, NETWORK_HEADER + 6)
        .add(JUMP_IF_BITS, 13, 0, 0x1fff)
        .add(LOAD_INDEX_V4_HEADER, NETWORK_HEADER)
        .add(LOAD_SHORT_INDEXED, NETWORK_HEADER)
        .add(JUMP_EQUAL, 11, 0, port)
        .add(LOAD_SHORT_INDEXED, NETWORK_HEADER + 2)
        .add(JUMP_EQUAL, 9, 8, port)
        .add(JUMP_EQUAL, 0, 7, 0x86dd)
        .add(LOAD_BYTE, NETWORK_HEADER + 6)
        .add(JUMP_EQUAL, 6, 0, protocolOfEsp)
        .add(JUMP_EQUAL, 0, 4, 17)
        .add(LOAD_SHORT, NETWORK_HEADER + 40)
        .add(JUMP_EQUAL, 3, 0, port)
        .add(LOAD_SHORT, NETWORK_HEADER + 42)
        .add(JUMP_EQUAL, 1, 0, port)
        .add(RETURN, 0)
        .add(RETURN, ALL);
  }
}
