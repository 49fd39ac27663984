// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** All sockets get the new mark, or all keep the old one if one of them refuses it. */
final class MarkedSocketTest {
  private static class FakeSocket implements MarkedSocket {
    int mark = 1;
    boolean refuses;

    @Override
    public void mark(int newMark) throws ErrnoException {
      if (refuses) {
        throw new ErrnoException("setsockopt SO_MARK", Errno.EPERM);
      }
      mark = newMark;
    }

    @Override
    public void close() {}
  }

  private final List<FakeSocket> sockets =
      List.of(new FakeSocket(), new FakeSocket(), new FakeSocket());

  private List<Integer> marks() {
    return sockets.stream().map(socket -> socket.mark).toList();
  }

  @Test
  void allGetTheMark() throws ErrnoException {
    MarkedSocket.markAll(sockets, 1, 2);
    assertEquals(List.of(2, 2, 2), marks());
  }

  @Test
  void whereOneCannotGetItNoneHasIt() {
    sockets.get(1).refuses = true;
    ErrnoException refusal =
        assertThrows(ErrnoException.class, () -> MarkedSocket.markAll(sockets, 1, 2));
    assertEquals(Errno.EPERM, refusal.errno());
    assertEquals(List.of(1, 1, 1), marks());
  }

  @Test
  void oneThatCannotBeRestoredIsNamedWithTheFailure() {
    FakeSocket once =
        new FakeSocket() {
          @Override
          public void mark(int newMark) throws ErrnoException {
            super.mark(newMark);
            refuses = true;
          }
        };
    sockets.get(0).refuses = true;
    ErrnoException refusal =
        assertThrows(
            ErrnoException.class, () -> MarkedSocket.markAll(List.of(once, sockets.get(0)), 1, 2));
    assertEquals(1, refusal.getSuppressed().length);
  }
}
