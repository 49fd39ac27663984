// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.read.Base64Key;
import dev.culvert.tunnel.state.Credentials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A gateway's private key is made at the first start with mode 0600, kept from then on, and refused
 * if others can read it or it is malformed.
 */
final class IdentityTest {
  private final SecureRandom random = new SecureRandom();

  @TempDir private Path directory;
  private Path path;
  private KeySource source;

  @BeforeEach
  void name() {
    path = directory.resolve("a/b/private.key");
    source = new KeySource.InFile(path, new Place("x.yaml", 7, "key"));
  }

  private SecretBytes load() throws ConfigException {
    Identity.makeIfMissing(source, random);
    return Base64Key.read(source);
  }

  private static String mode(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  @Test
  void theKeyIsMadeAtTheFirstStartAndKept() throws Exception {
    try (SecretBytes first = load();
        SecretBytes second = load()) {
      assertFalse(first.isZero());
      assertEquals(first, second);
    }
    assertEquals("rw-------", mode(path));
    assertEquals("rwx------", mode(directory.resolve("a/b")));
    try (var files = Files.list(directory.resolve("a/b"))) {
      assertEquals(List.of(path), files.toList(), "nothing half-made is left");
    }
    assertTrue(Files.readString(path).matches("[A-Za-z0-9+/]{43}=\n"));
  }

  @Test
  void aKeyThatOthersCanReadIsRefused() throws Exception {
    load().close();
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-r--r--"));
    assertRefused(
        "x.yaml:7: key: "
            + path
            + ": mode rw-r--r-- lets group or others at it; make it 0600, or 0400 for a mounted secret");
  }

  @Test
  void aKeyThatIsNoneIsRefusedWithoutShowingIt() throws Exception {
    load().close();
    Files.writeString(path, "almost-a-secret\n");
    assertRefused("x.yaml:7: key: not a base64 key of 44 characters");
    Files.writeString(path, "");
    assertRefused("x.yaml:7: key: not a base64 key of 44 characters");
    Files.writeString(path, "a".repeat(300));
    assertRefused("x.yaml:7: key: " + path + ": larger than 256 bytes");
  }

  @Test
  void aCredentialIsNotMadeAndItsAbsenceNamesTheRemedy() {
    Path credential = Path.of(Credentials.resolve("${CREDENTIALS_DIRECTORY}/private-key"));
    source = new KeySource.InFile(credential, new Place("x.yaml", 7, "key"));
    assertRefused(
        "x.yaml:7: key: there are no credentials: they are there only while systemd runs the"
            + " gateway; give the path of a file, or 'LoadCredential=private-key:FILE' in the unit");
    assertFalse(Files.exists(Objects.requireNonNull(credential.getParent())));
  }

  private void assertRefused(String message) {
    ConfigException refusal = assertThrows(ConfigException.class, this::load);
    assertEquals(message, refusal.getMessage());
  }
}
