// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.kernel.LibC;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Descriptors are given to the service manager under a name, and come back by that name; an
 * environment that cannot be used gives none.
 */
final class StoredDescriptorTest {
  private static final long PID = 4711;
  private static final int F_DUPFD = 0;
  private static final int F_GETFD = 1;
  private static final int FD_CLOEXEC = 1;

  private record Sent(String message, List<Integer> descriptors) {}

  private final List<Sent> sent = new ArrayList<>();
  private final ServiceManager manager =
      new ServiceManager(
          (message, descriptors) -> sent.add(new Sent(message, List.copyOf(descriptors))),
          null,
          List.of());
  private int first;

  /** Opens two descriptors with numbers in a row, which programs inherit. */
  @BeforeEach
  void open() {
    int fd = LIBC.open("/dev/null", LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
    first = LIBC.fcntl(fd, F_DUPFD, 700);
    assertEquals(first + 1, LIBC.fcntl(fd, F_DUPFD, first));
    LIBC.close(fd);
  }

  @AfterEach
  void close() {
    LIBC.close(first);
    LIBC.close(first + 1);
  }

  private List<StoredDescriptor> with(String pid, String count, String names) {
    return StoredDescriptor.of(
        Map.of("LISTEN_PID", pid, "LISTEN_FDS", count, "LISTEN_FDNAMES", names), PID, first);
  }

  @Test
  void descriptorsComeBackByTheirNamesAndAreNotInherited() {
    assertEquals(0, LIBC.fcntl(first, F_GETFD, 0));
    assertEquals(
        List.of(new StoredDescriptor("cv0", first), new StoredDescriptor("cv0", first + 1)),
        with("4711", "2", "cv0:cv0"));
    assertEquals(FD_CLOEXEC, LIBC.fcntl(first, F_GETFD, 0));
    assertEquals(FD_CLOEXEC, LIBC.fcntl(first + 1, F_GETFD, 0));
  }

  @Test
  void withoutNamesTheyAreUnknown() {
    assertEquals(
        List.of(new StoredDescriptor("unknown", first)),
        StoredDescriptor.of(Map.of("LISTEN_PID", "4711", "LISTEN_FDS", "1"), PID, first));
  }

  @Test
  void withoutAManagerThereAreNone() {
    assertEquals(List.of(), StoredDescriptor.of(Map.of(), PID, first));
    assertEquals(List.of(), StoredDescriptor.of(Map.of("LISTEN_FDS", "1"), PID, first));
  }

  @Test
  void thoseOfAnotherProcessAreLeftAlone() {
    assertEquals(List.of(), with("4712", "2", "a:b"));
    assertEquals(0, LIBC.fcntl(first, F_GETFD, 0));
  }

  @ParameterizedTest
  @CsvSource({"-1,''", "soon,''", "'',''", "99999999999,''", "2,a", "2,a:b:c", "3,a:b:c", "1,a:b"})
  void anEnvironmentThatCannotBeUsedGivesNone(String count, String names) {
    assertEquals(List.of(), with("4711", count, names));
  }

  @Test
  void noneAreNoneWhateverTheirNames() {
    assertEquals(List.of(), with("4711", "0", ""));
  }

  @Test
  void theManagerKeepsThemByNameThoughTheyTellAnError() {
    assertTrue(manager.store("cv0", List.of(7, 8)));
    assertTrue(manager.removeStored("cv0"));
    assertEquals(
        List.of(
            new Sent("FDSTORE=1\nFDNAME=cv0\nFDPOLL=0", List.of(7, 8)),
            new Sent("FDSTOREREMOVE=1\nFDNAME=cv0", List.of())),
        sent);
  }

  @Test
  void moreThanAMessageCarriesAreSentInSeveral() {
    assertTrue(manager.store("cv0", Collections.nCopies(300, 7)));
    assertEquals(List.of(253, 47), sent.stream().map(one -> one.descriptors().size()).toList());
    assertTrue(sent.stream().allMatch(one -> one.message().startsWith("FDSTORE=1\n")));
  }

  @Test
  void aManagerThatIsNotToldIsNoReasonToFail() {
    ServiceManager deaf =
        new ServiceManager(
            (message, descriptors) -> {
              throw new IOException("no room");
            },
            null,
            List.of());
    assertFalse(deaf.store("cv0", List.of(7)));
    assertTrue(ServiceManager.NONE.store("cv0", List.of(7)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a:b", "a\nREADY=1", "caf\u00e9"})
  void aNameThatTheManagerWouldNotTakeIsRefused(String name) {
    assertThrows(IllegalArgumentException.class, () -> manager.store(name, List.of(7)));
    assertThrows(IllegalArgumentException.class, () -> manager.removeStored(name));
    assertThrows(IllegalArgumentException.class, () -> manager.store("x".repeat(256), List.of()));
    assertEquals(List.of(), sent);
  }
}
