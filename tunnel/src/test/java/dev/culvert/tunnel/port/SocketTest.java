// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.kernel.NetworkNamespace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Sockets in a network namespace of their own, and random bytes for them to send. */
abstract class SocketTest {
  static final SendListener NO_REFUSAL =
      train -> {
        throw new AssertionError("source of train " + train + " refused");
      };

  final Arena arena = Arena.ofShared();
  final MemorySegment memory = arena.allocate(1 << 20, 4096);
  final ReceiveBatch received;

  /** Closed after each test. */
  final List<AutoCloseable> open = new ArrayList<>();

  NetworkNamespace namespace;

  SocketTest(int receiveSlots) {
    received = new ReceiveBatch(receiveSlots, arena);
  }

  @BeforeEach
  final void enterNamespace() throws Exception {
    namespace = NetworkNamespace.create();
    byte[] random = new byte[1 << 20];
    new Random(7).nextBytes(random);
    MemorySegment.copy(random, 0, memory, ValueLayout.JAVA_BYTE, 0, random.length);
  }

  @AfterEach
  final void leaveNamespace() throws Exception {
    for (AutoCloseable closeable : open) {
      closeable.close();
    }
    namespace.close();
    arena.close();
  }

  static Endpoint loopback(IpFamily family, int port) {
    return Endpoint.of(IpAddress.parse(family == IpFamily.V4 ? "127.0.0.1" : "::1"), port);
  }
}
