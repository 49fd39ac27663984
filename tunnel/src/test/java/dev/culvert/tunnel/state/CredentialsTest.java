// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** A path that begins with the variable leads into the folder of credentials, others stay. */
final class CredentialsTest {
  private static final Path FOLDER = Path.of("/run/credentials/culvert@a.service");

  @Test
  void otherPathsStay() {
    for (String path :
        new String[] {"a.key", "/etc/culvert/a.key", "./${CREDENTIALS_DIRECTORY}/a"}) {
      assertEquals(path, Credentials.resolve(path));
      assertFalse(Credentials.isOne(Path.of(path)));
    }
  }

  @Test
  void withoutCredentialsThePathLeadsNowhereAndSaysWhy() {
    Path path = Path.of(Credentials.resolve("${CREDENTIALS_DIRECTORY}/a"));
    assertEquals(Path.of("/${CREDENTIALS_DIRECTORY}/a"), path);
    assertFalse(Files.exists(path));
    assertTrue(Credentials.isOne(path));
    assertTrue(Credentials.missing(path).contains("'LoadCredential=a:FILE'"));
  }

  @Test
  void onlyFilesInTheFolderAreGiven() {
    assertTrue(Credentials.isGiven(FOLDER.resolve("key"), FOLDER));
    assertFalse(Credentials.isGiven(FOLDER, FOLDER));
    assertFalse(Credentials.isGiven(FOLDER.resolve("../other/key"), FOLDER));
    assertFalse(Credentials.isGiven(Path.of("/run/credentials/culvert@a.services/key"), FOLDER));
    assertFalse(Credentials.isGiven(FOLDER.resolve("key"), null));
  }
}
