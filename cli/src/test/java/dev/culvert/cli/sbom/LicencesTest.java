// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.sbom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A library without a licence that is allowed ends the build with advice. */
final class LicencesTest {
  private static final String LIST =
      """
      {"allowed": {"MIT": "short", "EPL-2.0": "by file"},
       "chosen": {"org.example:two": {"licence": "EPL-2.0", "reason": "reaches less far"}}}
      """;

  @TempDir private Path folder;

  private List<String> faults(String list, ObjectNode... components) throws IOException {
    Path file = Files.writeString(folder.resolve("licences.json"), list);
    return Licences.read(file).settle(List.of(components)).stream()
        .map(fault -> fault.replace(file.toString(), "FILE"))
        .toList();
  }

  private static ObjectNode library(String name, String... licences) throws IOException {
    ObjectNode library = Sbom.component("library", name, "1.0", "pkg:maven/org.example/" + name);
    library.put("group", "org.example");
    for (String licence : licences) {
      String key = licence.contains(" ") ? "name" : "id";
      library.withArray("licenses").addObject().putObject("license").put(key, licence);
    }
    return library;
  }

  @Test
  void allowedAndChosenLicencesPass() throws IOException {
    ObjectNode two = library("two", "EPL-2.0", "LGPL-2.1-only");
    assertEquals(List.of(), faults(LIST, library("one", "MIT"), two));
    assertEquals("EPL-2.0", two.at("/licenses/0/license/id").textValue());
    assertEquals("concluded", two.at("/licenses/0/license/acknowledgement").textValue());
    assertEquals(1, two.path("licenses").size());
  }

  @Test
  void aForeignLicenceIsRefusedWithAdvice() throws IOException {
    List<String> faults =
        faults(
            LIST,
            library("one", "MIT"),
            library("two", "EPL-2.0", "LGPL-2.1-only"),
            library("three", "GPL-3.0-only"),
            library("four", "Some Words of Ours"));
    assertEquals(
        List.of(
            "org.example:three has the licence 'GPL-3.0-only', which is not allowed: use another"
                + " library, or add the licence, with the reason why it fits, under 'allowed' in"
                + " FILE",
            "org.example:four has the licence 'Some Words of Ours', which is not allowed: use"
                + " another library, or add the licence, with the reason why it fits, under"
                + " 'allowed' in FILE"),
        faults);
  }

  @Test
  void noLicenceAndSeveralNeedAChoice() throws IOException {
    assertEquals(
        List.of(
            "org.example:none names no licence: read it in the library's sources, and name the one"
                + " to use, with the reason, under 'chosen' in FILE",
            "org.example:many offers MIT, EPL-2.0: name the one to use, with the reason, under"
                + " 'chosen' in FILE"),
        faults(
                LIST,
                library("one", "MIT"),
                library("two", "EPL-2.0"),
                library("none"),
                library("many", "MIT", "EPL-2.0"))
            .stream()
            .toList());
  }

  @Test
  void aChoiceThatIsNotOfferedIsRefused() throws IOException {
    List<String> faults = faults(LIST, library("one", "MIT"), library("two", "MIT"));
    assertEquals("org.example:two does not offer 'EPL-2.0', which FILE has chosen", faults.get(0));
  }

  @Test
  void entriesThatNothingNeedsAreNamed() throws IOException {
    assertEquals(
        List.of(
            "FILE: no library has the allowed licence 'EPL-2.0': remove it",
            "FILE: the library 'org.example:two' is not used: remove the choice"),
        faults(LIST, library("one", "MIT")));
  }

  @Test
  void anEntryWithoutAReasonIsRefused() {
    IOException refused =
        assertThrows(IOException.class, () -> faults("{\"allowed\": {\"MIT\": \" \"}}"));
    assertTrue(refused.toString().endsWith("'MIT' has no reason: say why it fits"));
  }
}
