// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Questions to bpf(2). If the kernel lacks bpf(2) or does not allow it to this user, there is no
 * answer: programs of tcx are not seen then, and programs have no names.
 */
final class Bpf {
  private static final long SYSCALL = System.getProperty("os.arch").equals("amd64") ? 321 : 280;

  private static final int BPF_PROG_GET_FD_BY_ID = 13;
  private static final int BPF_OBJ_GET_INFO_BY_FD = 15;
  private static final int BPF_PROG_QUERY = 16;

  /** Bytes of the part of union bpf_attr that is used here. */
  private static final int ATTRIBUTES = 64;

  private static final int PROGRAMS = 64;

  // struct bpf_prog_info
  private static final int INFO = 80;
  private static final int INFO_NAME = 64;

  private Bpf() {}

  /**
   * The numbers of the programs that are attached to a device.
   *
   * @param attachType as in BPF_TCX_INGRESS
   */
  static int[] attached(int interfaceIndex, int attachType) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment ids = arena.allocate(PROGRAMS * 4L, 8);
      MemorySegment query = arena.allocate(ATTRIBUTES, 8);
      query.set(JAVA_INT, 0, interfaceIndex);
      query.set(JAVA_INT, 4, attachType);
      query.set(JAVA_LONG, 16, ids.address());
      query.set(JAVA_INT, 24, PROGRAMS);
      if (call(BPF_PROG_QUERY, query) < 0) {
        return new int[0];
      }
      int count = Math.min(query.get(JAVA_INT, 24), PROGRAMS);
      return Arrays.copyOf(ids.toArray(JAVA_INT), count);
    }
  }

  /** The name of a program, at most 15 characters of it; empty if the kernel does not tell. */
  static String name(int id) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment which = arena.allocate(ATTRIBUTES, 8);
      which.set(JAVA_INT, 0, id);
      int fd = call(BPF_PROG_GET_FD_BY_ID, which);
      if (fd < 0) {
        return "";
      }
      MemorySegment info = arena.allocate(INFO, 8);
      MemorySegment ask = arena.allocate(ATTRIBUTES, 8);
      ask.set(JAVA_INT, 0, fd);
      ask.set(JAVA_INT, 4, INFO);
      ask.set(JAVA_LONG, 8, info.address());
      int result = call(BPF_OBJ_GET_INFO_BY_FD, ask);
      LIBC.close(fd);
      return result < 0 ? "" : info.getString(INFO_NAME);
    }
  }

  static int call(int command, MemorySegment attributes) {
    return (int) LIBC.syscall(SYSCALL, command, attributes.address(), ATTRIBUTES);
  }
}
