// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.sbom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Launchers;
import dev.culvert.lab.net.Commands;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.cyclonedx.Version;
import org.cyclonedx.parsers.JsonParser;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The SBOM lists the files that are shipped, each with its hash and a licence. */
@Tag("integration")
final class SbomTest {
  private static final String PACKAGE = "pkg:deb/culvert@0.1.0-1?arch=amd64";

  @TempDir private Path folder;

  private static String launcher;

  @BeforeAll
  static void built() {
    launcher = Launchers.culvert();
  }

  private static String printed() {
    return Commands.run(launcher, "version", "--sbom").out();
  }

  @Test
  void eachJarOfTheDistributionIsAComponentWithItsHash() throws IOException {
    Map<String, String> shipped = new TreeMap<>();
    try (Stream<Path> files = Files.list(Culvert.launcher("cli/target/dist"))) {
      for (Path jar : files.filter(file -> file.toString().endsWith(".jar")).toList()) {
        shipped.put(jar.getFileName().toString(), Sbom.sha256(jar));
      }
    }
    assertTrue(shipped.size() > 50, shipped::toString);
    shipped.remove("culvert.jar"); // the product, which holds the list
    Map<String, String> listed = new TreeMap<>();
    for (ObjectNode component : Sbom.parse(printed()).components()) {
      listed.put(Purl.jar(Sbom.purl(component)), component.at("/hashes/0/content").textValue());
    }
    assertEquals(shipped, listed);
  }

  @Test
  void theListIsValidHasALicenceForEachComponentAndTheTimeOfTheSources() throws Exception {
    String text = printed();
    assertValid(text);
    String pom = Files.readString(Culvert.launcher("pom.xml"));
    String time = pom.replaceFirst("(?s).*<project.build.outputTimestamp>([^<]*)<.*", "$1");
    assertTrue(text.contains("\"timestamp\" : \"" + time + "\""), text.substring(0, 2000));
    assertEquals(text, Sbom.parse(text).text(), "the serial number is that of the contents");
  }

  private void assertValid(String text) throws Exception {
    Path file = Files.writeString(folder.resolve("sbom.json"), text);
    assertEquals(List.of(), new JsonParser().validate(file.toFile(), Version.VERSION_16));
    for (ObjectNode component : Sbom.parse(text).components()) {
      assertFalse(component.path("licenses").isEmpty(), component::toPrettyString);
    }
  }

  @Test
  void theListOfAPackageHasTheProgramAndTheRuntimeToo() throws Exception {
    Path out = folder.resolve("package.json");
    String java = System.getProperty("java.home");
    Commands.run(
        Culvert.launcher("bin/sbom").toString(),
        "--jdk=" + java,
        "--runtime=" + java,
        "--version=0.1.0-1",
        "--purl=" + PACKAGE,
        "--out=" + out);
    assertValid(Files.readString(out));
    Sbom whole = Sbom.read(out);
    assertEquals(PACKAGE, Sbom.purl(whole.product()));
    Sbom program = Sbom.parse(printed());
    assertEquals(program.components().size() + 2, whole.components().size());
    ObjectNode jar = named(whole, program.product().path("name").textValue());
    assertEquals(
        Sbom.sha256(Culvert.launcher("cli/target/dist/culvert.jar")),
        jar.at("/hashes/0/content").textValue());
    assertTrue(
        named(whole, "openjdk").path("version").textValue().startsWith(javaVersion()),
        "the runtime");
  }

  private static String javaVersion() {
    return Runtime.version().feature() + ".";
  }

  private static ObjectNode named(Sbom sbom, String name) {
    return sbom.components().stream()
        .filter(component -> component.path("name").asText().equals(name))
        .findFirst()
        .orElseThrow();
  }
}
