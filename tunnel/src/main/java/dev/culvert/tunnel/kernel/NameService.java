// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.routing.IpAddress;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.UnknownHostException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * The C library's getaddrinfo, with its order of addresses: that of RFC 6724, by the routes of this
 * machine. The JDK's resolver calls it too, but puts IPv4 first and keeps answers for 30 s, unless
 * properties of the whole process say otherwise before its first use.
 */
public final class NameService {
  /** Bytes of struct addrinfo on 64-bit machines. */
  private static final int HINTS = 48;

  private static final int FAMILY = 4;
  private static final int SOCKET_TYPE = 8;
  private static final int ADDRESS = 24;
  private static final int NEXT = 40;

  /** Offset of the address in struct sockaddr_in. */
  private static final int IPV4 = 4;

  /** Offset of the address in struct sockaddr_in6. */
  private static final int IPV6 = 8;

  private NameService() {}

  /**
   * The addresses of {@code name}, the best first. Waits for the name server, which can take as
   * long as its configuration says; interrupts do not end it.
   *
   * @throws UnknownHostException with the C library's reason
   */
  public static List<IpAddress> lookUp(String name) throws UnknownHostException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment hints = arena.allocate(HINTS, Long.BYTES);
      hints.set(ValueLayout.JAVA_INT, SOCKET_TYPE, LibC.SOCK_DGRAM);
      MemorySegment result = arena.allocate(ValueLayout.JAVA_LONG);
      int error = LIBC.getaddrinfo(name, 0, hints.address(), result.address());
      if (error != 0) {
        throw new UnknownHostException(LIBC.gai_strerror(error));
      }
      long list = result.get(ValueLayout.JAVA_LONG, 0);
      try {
        return addresses(list);
      } finally {
        LIBC.freeaddrinfo(list);
      }
    }
  }

  private static List<IpAddress> addresses(long list) {
    Runtime runtime = Runtime.getRuntime(LIBC);
    Set<IpAddress> addresses = new LinkedHashSet<>();
    for (long next = list; next != 0; ) {
      Pointer info = Pointer.wrap(runtime, next);
      Pointer socket = Pointer.wrap(runtime, info.getLong(ADDRESS));
      int family = info.getInt(FAMILY);
      if (family == LibC.AF_INET || family == LibC.AF_INET6) {
        boolean v4 = family == LibC.AF_INET;
        byte[] bytes = new byte[v4 ? 4 : 16];
        socket.get(v4 ? IPV4 : IPV6, bytes, 0, bytes.length);
        addresses.add(IpAddress.ofBytes(bytes));
      }
      next = info.getLong(NEXT);
    }
    return List.copyOf(addresses);
  }
}
