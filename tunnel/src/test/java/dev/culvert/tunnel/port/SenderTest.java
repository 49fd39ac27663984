// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.LibC;
import dev.culvert.tunnel.train.Fragmentation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import jnr.ffi.LastError;
import jnr.ffi.Runtime;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The sender's reaction to failures that cannot be provoked in a kernel: a script plays them. */
class SenderTest {
  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory = arena.allocate(100_000);
  private final SendBatch batch = new SendBatch(IpFamily.V4, 8, arena);
  private final Deque<Integer> script = new ArrayDeque<>();
  private final List<String> calls = new ArrayList<>();
  private final List<Integer> refused = new ArrayList<>();
  private final Sender sender = new Sender(scripted(), 3, true, arena);

  @AfterEach
  void close() {
    arena.close();
  }

  /** Each send call takes the next result: its return value, or the errno, negated. */
  private LibC scripted() {
    Runtime runtime = Runtime.getRuntime(LibC.LIBC);
    InvocationHandler handler =
        (proxy, method, arguments) -> {
          calls.add(method.getName());
          int result = method.getName().equals("poll") ? 1 : script.remove();
          if (result < 0) {
            LastError.setLastError(runtime, -result);
            result = -1;
          }
          if (method.getReturnType() == long.class) {
            return (long) result;
          }
          return result;
        };
    return (LibC)
        Proxy.newProxyInstance(LibC.class.getClassLoader(), new Class<?>[] {LibC.class}, handler);
  }

  private void train(int packets, Endpoint to) {
    assertTrue(batch.add(memory, 0, packets * 1000, 1000, to, 0));
  }

  private static final Endpoint PLAIN = Endpoint.of(IpAddress.parse("192.0.2.1"), 51820);
  private static final Endpoint STICKY =
      new Endpoint(PLAIN.address(), 51820, 0, IpAddress.parse("192.0.2.9"), 2);

  private int send(Integer... results) {
    script.addAll(List.of(results));
    int sent = sender.send(batch, refused::add, true);
    assertTrue(script.isEmpty(), script + " was not asked for");
    return sent;
  }

  @Test
  void afterEioTheTrainGoesPacketByPacketAndSoDoTheLaterOnes() {
    train(3, PLAIN);
    train(1, PLAIN);
    train(2, PLAIN);
    assertEquals(6, send(-Errno.EIO, 3, 1, 1, 1));
    assertFalse(sender.segmentation());
    assertEquals(List.of("sendmmsg", "sendmmsg", "sendmmsg", "sendmmsg", "sendmmsg"), calls);
  }

  @Test
  void afterEinvalOnlyThatTrainGoesPacketByPacket() {
    train(2, PLAIN);
    train(2, PLAIN);
    assertEquals(3, send(-Errno.EINVAL, 1, -Errno.EPERM, 1));
    assertTrue(sender.segmentation());
    assertEquals(1, batch.failedPackets(0));
    assertEquals(Errno.EPERM, batch.errno(0));
    assertTrue(batch.sent(1));
  }

  @Test
  void theCallGoesOnBehindATrainThatFails() {
    for (int i = 0; i < 5; i++) {
      train(1, PLAIN);
    }
    assertEquals(4, send(2, -Errno.EPERM, 2));
    assertFalse(batch.sent(2));
    assertTrue(batch.sent(1) && batch.sent(3) && batch.sent(4));
  }

  @Test
  void aSourceIsBlamedOnlyWhereTheTrainGoesWithoutIt() {
    train(2, STICKY);
    train(2, STICKY);
    train(2, PLAIN);
    assertEquals(4, send(-Errno.ENETUNREACH, 2000, -Errno.ENETUNREACH, -Errno.ENETUNREACH, 1));
    assertEquals(List.of(0), refused);
    assertEquals(2, batch.failedPackets(1));
    assertEquals(Errno.ENETUNREACH, batch.errno(1));
  }

  @Test
  void aSourceThatIsNotToBlameIsKeptPacketByPacket() {
    train(2, STICKY);
    assertEquals(2, send(-Errno.EINVAL, -Errno.EINVAL, 2));
    assertEquals(List.of(), refused);
  }

  @Test
  void afterEioASourceThatIsRefusedIsReportedOnce() {
    train(3, STICKY);
    assertEquals(3, send(-Errno.EIO, -Errno.EADDRNOTAVAIL, 1000, 2));
    assertEquals(List.of(0), refused);
  }

  @Test
  void aFullSocketIsWaitedForAndNothingIsLost() {
    train(2, PLAIN);
    train(2, PLAIN);
    assertEquals(4, send(1, -Errno.EAGAIN, -Errno.EAGAIN, 1));
    assertEquals(List.of("sendmmsg", "sendmmsg", "poll", "sendmmsg", "poll", "sendmmsg"), calls);
  }

  @Test
  void aSocketThatStaysFullIsWaitedForOnlySoLong() {
    train(2, PLAIN);
    train(1, PLAIN);
    int enough = -Errno.ENOBUFS;
    assertEquals(0, send(enough, enough, enough, enough, enough, enough, enough));
    assertEquals(5, calls.stream().filter("poll"::equals).count());
    assertEquals(2, batch.failedPackets(0));
    assertEquals(Errno.ENOBUFS, batch.errno(1));
  }

  @Test
  void anInterruptedCallIsMadeAgain() {
    train(1, PLAIN);
    assertEquals(1, send(-Errno.EINTR, 1));
    assertEquals(List.of("sendmmsg", "sendmmsg"), calls);
  }

  @Test
  void socketIsSwitchedOnlyWhereTheFragmentBitChanges() {
    Endpoint to = Endpoint.of(IpAddress.parse("127.0.0.1"), 9);
    batch.clear();
    for (Fragmentation wanted :
        List.of(
            Fragmentation.BY_KERNEL,
            Fragmentation.FORBIDDEN,
            Fragmentation.FORBIDDEN,
            Fragmentation.ALLOWED)) {
      assertTrue(batch.add(memory, 0, 1000, 1000, to, 0, wanted));
    }
    script.addAll(List.of(1, 0, 2, 0, 1));
    assertEquals(4, sender.send(batch, refused::add, true));
    assertEquals(List.of("sendmmsg", "setsockopt", "sendmmsg", "setsockopt", "sendmmsg"), calls);
  }
}
