// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A gateway's sockets are opened all or none; a family that the machine lacks is left out. */
final class PerLaneTest {
  private static final class FakeSocket implements MarkedSocket {
    private final IpFamily family;
    private final int lane;
    private boolean closed;

    FakeSocket(IpFamily family, int lane) {
      this.family = family;
      this.lane = lane;
    }

    @Override
    public void mark(int mark) {}

    @Override
    public void close() {
      closed = true;
    }

    @Override
    public String toString() {
      return family + " " + lane;
    }
  }

  private final List<FakeSocket> opened = new ArrayList<>();

  private FakeSocket open(IpFamily family, int lane) {
    FakeSocket socket = new FakeSocket(family, lane);
    opened.add(socket);
    return socket;
  }

  @Test
  void eachLaneHasASocketOfEachFamily() throws ErrnoException {
    PerLane<FakeSocket> sockets = PerLane.open(2, this::open);
    assertEquals("V4 1", String.valueOf(sockets.of(1, IpFamily.V4)));
    assertEquals("V6 0", String.valueOf(sockets.of(0, IpFamily.V6)));
    assertEquals(opened, sockets.all());
    sockets.close();
    assertTrue(opened.stream().allMatch(socket -> socket.closed));
  }

  @Test
  void aFamilyThatTheMachineLacksIsAbsent() throws ErrnoException {
    for (int errno : new int[] {Errno.EAFNOSUPPORT, Errno.EADDRNOTAVAIL}) {
      PerLane<FakeSocket> sockets =
          PerLane.open(
              2,
              (family, lane) -> {
                if (family == IpFamily.V6) {
                  throw new ErrnoException("socket", errno);
                }
                return open(family, lane);
              });
      assertNull(sockets.of(0, IpFamily.V6));
      assertEquals(2, sockets.all().size());
    }
  }

  @Test
  void ifOneCannotBeOpenedNoneStaysOpen() {
    ErrnoException e =
        assertThrows(
            ErrnoException.class,
            () ->
                PerLane.open(
                    2,
                    (family, lane) -> {
                      if (family == IpFamily.V6 && lane == 1) {
                        // Not absent: the lane before it has one.
                        throw new ErrnoException("socket", Errno.EADDRNOTAVAIL);
                      }
                      return open(family, lane);
                    }));
    assertEquals(Errno.EADDRNOTAVAIL, e.errno());
    assertEquals(3, opened.size());
    assertTrue(opened.stream().allMatch(socket -> socket.closed));
  }
}
