// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Figure;
import dev.culvert.cli.kit.Launchers;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.lab.net.Commands;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The container image is the same from each build, small, has only files that a gateway needs, and
 * carries traffic with two capabilities.
 */
@Tag("integration")
final class ImageTest {
  private static final Duration BUILD = Duration.ofMinutes(8);
  private static final long LARGEST = 90_000_000;
  private static final String LIBRARY = "/usr/lib/culvert";

  /** In an ELF file the machine is the number at this place. */
  private static final int ELF_MACHINE = 18;

  private static final Map<String, Integer> MACHINES = Map.of("amd64", 62, "arm64", 183);

  /** All that can be executed, except libraries. {@code java} starts {@code nft} by the last. */
  private static final Set<String> PROGRAMS =
      Set.of(
          "/usr/sbin/nft",
          LIBRARY + "/runtime/bin/java",
          LIBRARY + "/runtime/lib/jexec",
          LIBRARY + "/runtime/lib/jspawnhelper");

  @TempDir private static Path folder;

  private static Map<String, Image> images = Map.of();

  @BeforeAll
  static void build() {
    Requirements.namespaces();
    for (String tool : List.of("skopeo", "umoci", "crun", "jq", "readelf", "wireguard-go", "nft")) {
      Requirements.tool(tool);
    }
    Launchers.culvert();
    Path archive = build("tried", "--fast");
    images =
        Map.of(
            "amd64", Image.unpack(archive, "amd64", folder),
            "arm64", Image.unpack(archive, "arm64", folder));
  }

  private static Path build(String name, String... options) {
    List<String> command = new ArrayList<>(List.of(Culvert.launcher("bin/image-build").toString()));
    command.addAll(List.of("--out", folder.resolve(name).toString()));
    command.addAll(List.of(options));
    Map<String, String> environment = Map.of("JAVA_HOME", System.getProperty("java.home"));
    return Path.of(Commands.attempt(BUILD, environment, command).orThrow().out().strip());
  }

  private static Image image(String architecture) {
    return Objects.requireNonNull(images.get(architecture));
  }

  @Test
  @Tag("soak") // minutes
  void twoBuildsAreTheSameBytes() {
    assertEquals(sha256(build("first")), sha256(build("second")));
  }

  private static String sha256(Path file) {
    try {
      byte[] bytes = Files.readAllBytes(file);
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (Exception e) {
      throw new AssertionError(file.toString(), e);
    }
  }

  /** Compressed less than the image that users build, which is smaller. */
  @ParameterizedTest
  @ValueSource(strings = {"amd64", "arm64"})
  void anUpgradePullsLittleAndTheWholeIsSmall(String architecture) {
    Map<String, Long> layers = image(architecture).layers();
    assertEquals(List.of("base", "runtime", "libraries", "culvert"), List.copyOf(layers.keySet()));
    layers.forEach(
        (layer, size) -> Figure.megabytes("image " + architecture + ", layer " + layer, size));
    long whole = layers.values().stream().mapToLong(Long::longValue).sum();
    Figure.megabytes("image " + architecture, whole);
    assertTrue(whole < LARGEST, layers::toString);
    assertTrue(layers.getOrDefault("culvert", whole) < whole / 10, layers::toString);
  }

  @ParameterizedTest
  @ValueSource(strings = {"amd64", "arm64"})
  void theImageTellsWhatItIs(String architecture) throws IOException {
    JsonNode described =
        new ObjectMapper()
            .readTree(
                Commands.run("skopeo", "inspect", "oci:" + image(architecture).layout() + ":tried")
                    .out());
    assertEquals(architecture, described.get("Architecture").asText());
    assertEquals("linux", described.get("Os").asText());
    JsonNode labels = described.get("Labels");
    String pom = Files.readString(Culvert.launcher("pom.xml"));
    for (String element : List.of("version", "description", "project.build.outputTimestamp")) {
      String label = element.replace("project.build.outputTimestamp", "created");
      String told = labels.get("org.opencontainers.image." + label).asText();
      assertTrue(pom.contains("<" + element + ">" + told + "</"), label + ": " + told);
    }
    assertEquals("culvert", labels.get("org.opencontainers.image.title").asText());
    assertEquals("Apache-2.0", labels.get("org.opencontainers.image.licenses").asText());
    assertEquals("trixie", labels.get("dev.culvert.image.debian").asText());
    assertTrue(labels.get("dev.culvert.image.java").asText().startsWith("25."));
  }

  @ParameterizedTest
  @ValueSource(strings = {"amd64", "arm64"})
  void noFileGivesRightsAndNoneIsAShell(String architecture) throws IOException {
    Image image = image(architecture);
    Set<String> programs = new TreeSet<>();
    for (Path file : image.files()) {
      if (Files.isSymbolicLink(file)) {
        continue;
      }
      int mode = (Integer) Files.getAttribute(file, "unix:mode");
      assertEquals(0, mode & 07000, () -> "setuid, setgid or sticky: " + file);
      assertEquals(0, mode & 0022, () -> "others may write: " + file);
      assertEquals(0, Files.getAttribute(file, "unix:uid"), file::toString);
      assertEquals(0, Files.getAttribute(file, "unix:gid"), file::toString);
      boolean library = file.getFileName().toString().matches(".*\\.so(\\.[0-9.]+)?");
      if (Files.isRegularFile(file) && (mode & 0111) != 0 && !library) {
        programs.add("/" + image.root().relativize(file));
      }
    }
    assertEquals(new TreeSet<>(PROGRAMS), programs);
  }

  @ParameterizedTest
  @ValueSource(strings = {"amd64", "arm64"})
  void allBinariesAreOfTheArchitectureAndFindTheirLibraries(String architecture)
      throws IOException {
    Image image = image(architecture);
    Map<Path, List<String>> binaries = image.binaries();
    assertTrue(binaries.size() > 30, binaries::toString);
    Set<String> present =
        image.files().stream()
            .map(file -> file.getFileName().toString())
            .collect(Collectors.toSet());
    for (Map.Entry<Path, List<String>> binary : binaries.entrySet()) {
      byte[] header = new byte[ELF_MACHINE + 1];
      try (var in = Files.newInputStream(binary.getKey())) {
        assertEquals(header.length, in.readNBytes(header, 0, header.length));
      }
      assertEquals(MACHINES.get(architecture), header[ELF_MACHINE] & 0xff, binary::toString);
      List<String> missing = new ArrayList<>(binary.getValue());
      missing.removeAll(present);
      assertEquals(List.of(), missing, binary::toString);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"amd64", "arm64"})
  void theJarsAreThoseOfTheBuild(String architecture) throws IOException {
    Map<String, String> built = jars(Culvert.launcher("cli/target/dist"));
    assertTrue(built.containsKey("culvert.jar"), built::toString);
    assertEquals(built, jars(image(architecture).file(LIBRARY)));
  }

  private static Map<String, String> jars(Path folder) throws IOException {
    Map<String, String> jars = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      files
          .filter(file -> file.toString().endsWith(".jar"))
          .forEach(jar -> jars.put(jar.getFileName().toString(), sha256(jar)));
    }
    return jars;
  }

  @ParameterizedTest
  @ValueSource(strings = {"amd64", "arm64"})
  void noKeyIsInTheImage(String architecture) throws IOException {
    Image image = image(architecture);
    for (Path file : image.files()) {
      if (Files.isRegularFile(file) && Files.size(file) < 1_000_000) {
        String text = Files.readString(file, StandardCharsets.ISO_8859_1);
        assertFalse(text.contains("-----BEGIN PRIVATE KEY"), file::toString);
        assertFalse(file.toString().matches(".*\\.(key|pem|p12|jks)"), file::toString);
      }
    }
    for (String place : List.of("/etc/culvert", "/var/lib/culvert", "/run/culvert", "/root")) {
      assertArrayEquals(new String[0], image.file(place).toFile().list(), place);
    }
  }

  /** By these files scanners find packages with known faults, and readers find licences. */
  @ParameterizedTest
  @ValueSource(strings = {"amd64", "arm64"})
  void eachPackageIsNamedWithItsLicence(String architecture) throws IOException {
    Image image = image(architecture);
    Set<String> named = new TreeSet<>();
    try (Stream<Path> notes = Files.list(image.file("/var/lib/dpkg/status.d"))) {
      for (Path note : notes.toList()) {
        String text = Files.readString(note);
        String name = note.getFileName().toString();
        assertTrue(text.startsWith("Package: " + name + "\n"), text);
        assertTrue(text.contains("\nVersion: "), text);
        assertTrue(text.contains("\nArchitecture: " + architecture + "\n"), text);
        Path licence = image.file("/usr/share/doc").resolve(name).resolve("copyright");
        assertTrue(Files.size(licence) > 0, licence::toString);
        named.add(name);
      }
    }
    assertTrue(named.containsAll(Set.of("libc6", "nftables", "openjdk-25-jre-headless")));
    String release = Files.readString(image.file("/etc/os-release"));
    assertTrue(release.contains("VERSION_CODENAME=trixie\n"), release);
    assertTrue(Files.exists(image.file("/usr/share/common-licenses/GPL-2")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"amd64", "arm64"})
  void theSbomNamesEachJarAndPackageAndTheRuntime(String architecture) throws IOException {
    Image image = image(architecture);
    Path file = image.file(LIBRARY).resolve("sbom").resolve("culvert.cdx.json");
    JsonNode sbom = new ObjectMapper().readTree(file.toFile());
    assertEquals("container", sbom.at("/metadata/component/type").asText());
    Set<String> hashes = new TreeSet<>();
    Set<String> packages = new TreeSet<>();
    for (JsonNode component : sbom.get("components")) {
      assertFalse(component.path("licenses").isEmpty(), component::toString);
      component.path("hashes").forEach(hash -> hashes.add(hash.get("content").asText()));
      packages.add(component.path("purl").asText().replaceFirst("@.*", ""));
    }
    assertTrue(hashes.containsAll(jars(image.file(LIBRARY)).values()), hashes::toString);
    for (String note : image.file("/var/lib/dpkg/status.d").toFile().list()) {
      assertTrue(packages.remove("pkg:deb/debian/" + note.replace("+", "%2B")), note);
    }
    assertTrue(packages.stream().anyMatch(name -> name.contains("openjdk")), packages::toString);
    String version = sbom.at("/metadata/component/version").asText();
    Path beside =
        folder
            .resolve("tried")
            .resolve("culvert_" + version + "_" + architecture + ".oci.cdx.json");
    assertEquals(-1, Files.mismatch(file, beside));
  }

  @Test
  void aGatewayCarriesTrafficWithTwoCapabilitiesAndItsGuardStays() throws IOException {
    String here = System.getProperty("os.arch", "").equals("aarch64") ? "arm64" : "amd64";
    try (ContainerLab lab = new ContainerLab(image(here), folder)) {
      lab.carriesTraffic();
      lab.hasFewRights();
      lab.answersCommands();
      lab.leavesItsGuardWhenItIsKilled();
    }
  }
}
