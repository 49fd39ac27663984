// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A struct msghdr with one buffer, and descriptors as SCM_RIGHTS. It lives as long as its arena.
 */
final class RightsMessage {
  /** The most descriptors that the kernel takes with one message. */
  static final int MAX_DESCRIPTORS = 253;

  static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;

  /** Bytes and offsets of struct msghdr. */
  private static final int MSGHDR = 56;

  private static final int IOV = 16;
  private static final int IOV_COUNT = 24;
  private static final int CONTROL = 32;
  private static final int CONTROL_LENGTH = 40;
  private static final int FLAGS = 48;

  private static final int IOVEC = 16;

  /** Bytes of struct cmsghdr: length, level, type. */
  private static final int CMSGHDR = 16;

  private final MemorySegment header;
  private final MemorySegment control;

  private RightsMessage(Arena arena, MemorySegment bytes, int descriptors) {
    MemorySegment iovec = arena.allocate(IOVEC, 8);
    iovec.set(JAVA_LONG, 0, bytes.address());
    iovec.set(JAVA_LONG, 8, bytes.byteSize());
    control = arena.allocate(descriptors == 0 ? 0 : aligned(CMSGHDR + 4 * descriptors), 8);
    header = arena.allocate(MSGHDR, 8);
    header.set(JAVA_LONG, IOV, iovec.address());
    header.set(JAVA_LONG, IOV_COUNT, 1);
    header.set(JAVA_LONG, CONTROL, control.address());
    header.set(JAVA_LONG, CONTROL_LENGTH, control.byteSize());
  }

  private static long aligned(long length) {
    return (length + 7) & ~7;
  }

  /**
   * A message to send.
   *
   * @param bytes native memory
   * @param descriptors up to {@link #MAX_DESCRIPTORS}, which stay the caller's
   * @throws IllegalArgumentException if there are more
   */
  static RightsMessage toSend(Arena arena, MemorySegment bytes, List<Integer> descriptors) {
    int count = descriptors.size();
    if (count > MAX_DESCRIPTORS) {
      throw new IllegalArgumentException(
          count + " descriptors, and a message carries up to " + MAX_DESCRIPTORS);
    }
    RightsMessage message = new RightsMessage(arena, bytes, count);
    if (count > 0) {
      message.control.set(JAVA_LONG, 0, CMSGHDR + 4L * count);
      message.control.set(JAVA_INT, 8, SOL_SOCKET);
      message.control.set(JAVA_INT, 12, SCM_RIGHTS);
      for (int i = 0; i < count; i++) {
        message.control.set(JAVA_INT, CMSGHDR + 4L * i, descriptors.get(i));
      }
    }
    return message;
  }

  /**
   * A message to be filled by recvmsg.
   *
   * @param bytes native memory
   * @param descriptors the most that it can carry
   */
  static RightsMessage toReceive(Arena arena, MemorySegment bytes, int descriptors) {
    return new RightsMessage(arena, bytes, descriptors);
  }

  long address() {
    return header.address();
  }

  /** The flags that recvmsg set. */
  int flags() {
    return header.get(JAVA_INT, FLAGS);
  }

  /** The descriptors that came with a message; they are the caller's. */
  List<Integer> received() {
    List<Integer> descriptors = new ArrayList<>();
    long end = Math.min(header.get(JAVA_LONG, CONTROL_LENGTH), control.byteSize());
    for (long at = 0; at + CMSGHDR <= end; ) {
      long length = control.get(JAVA_LONG, at);
      if (length < CMSGHDR) {
        break; // The kernel writes no such header; it would keep this loop from ending.
      }
      if (control.get(JAVA_INT, at + 8) == SOL_SOCKET
          && control.get(JAVA_INT, at + 12) == SCM_RIGHTS) {
        for (long fd = at + CMSGHDR; fd + 4 <= Math.min(at + length, end); fd += 4) {
          descriptors.add(control.get(JAVA_INT, fd));
        }
      }
      at += aligned(length);
    }
    return descriptors;
  }
}
