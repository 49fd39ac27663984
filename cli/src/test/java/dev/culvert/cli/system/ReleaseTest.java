// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.DocumentLinks;
import dev.culvert.cli.kit.Launchers;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.lab.net.Commands;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A release is made of committed sources only, and the commands of the document refuse each change
 * of it. Signed with a key that is thrown away.
 */
@Tag("integration")
final class ReleaseTest {
  private static final Duration LONG = Duration.ofMinutes(20);
  private static final String RELEASER = "releaser@example.com";
  private static final String STRANGER = "stranger@example.com";

  /** The commands in docs/operations.md that a user types. */
  private static final Pattern CHECK = Pattern.compile("(?s)\n```check\n(.*?)\n```\n");

  /** All files that git would have, committed anew, and the build's: so nothing is built again. */
  private static final String CHECKOUT =
      """
      cd "$1"
      git ls-files -coz --exclude-standard | while IFS= read -r -d '' file; do
        [ ! -e "$file" ] || printf '%s\\0' "$file"
      done | xargs -0 cp -a --parents -t "$2"
      cp -a --parents cli/target/dist "$2"
      cd "$2"
      git init -q
      git add -A
      """;

  @TempDir private static Path folder;

  private static Path checkout;
  private static Path release;

  @BeforeAll
  static void makeARelease() throws IOException {
    for (String tool : List.of("git", "gpg", "gpgv")) {
      Requirements.tool(tool);
    }
    Launchers.culvert();
    checkout = Files.createDirectory(folder.resolve("checkout"));
    String from = Culvert.launcher("").toAbsolutePath().normalize().toString();
    shell(CHECKOUT, from, checkout.toString()).orThrow();
    commit();
    for (String user : List.of(RELEASER, STRANGER)) {
      shell(
              "mkdir -p -m 700 \"$GNUPGHOME\"; gpg --batch --passphrase '' --quick-generate-key"
                  + " \"$1\" ed25519 sign 2d",
              user)
          .orThrow();
    }
    // As somebody may have it who sends keys by mail.
    Files.writeString(folder.resolve("keys/gpg.conf"), "armor\n");
    release = folder.resolve("release");
    release("--out", release.toString(), "--key", RELEASER, "--parts", "archive").orThrow();
    shell("gpg --no-armor --export \"$1\" >\"$2/releaser.gpg\"", RELEASER, release.toString())
        .orThrow();
  }

  /** The agent of gpg would outlive the folder. */
  @AfterAll
  static void endTheAgent() {
    shell("gpgconf --kill all").orThrow();
  }

  private static Commands.Result shell(String script, String... arguments) {
    List<String> command = new ArrayList<>(List.of("bash", "-euo", "pipefail", "-c", script, "sh"));
    command.addAll(List.of(arguments));
    Map<String, String> environment =
        Map.of(
            "JAVA_HOME", System.getProperty("java.home"),
            "GNUPGHOME", folder.resolve("keys").toString());
    return Commands.attempt(LONG, environment, command);
  }

  private static void commit() {
    shell(
            "cd \"$1\"; git -c commit.gpgsign=false -c user.name=test -c user.email=test@example.com commit -qam state",
            checkout.toString())
        .orThrow();
  }

  private static Commands.Result release(String... arguments) {
    return releaseOf(" --fast", arguments);
  }

  private static Commands.Result releaseOf(String fast, String... arguments) {
    List<String> words = new ArrayList<>(List.of(checkout.resolve("bin/release").toString()));
    words.addAll(List.of(arguments));
    return shell("\"$@\"" + fast, words.toArray(String[]::new));
  }

  /** Runs the document's commands on a release. */
  private static Commands.Result check(Path files) throws IOException {
    Matcher commands = CHECK.matcher(Files.readString(Path.of("../docs/operations.md")));
    assertTrue(commands.find(), "docs/operations.md has no commands to check a release");
    return shell("cd \"$1\"; " + commands.group(1), files.toString());
  }

  private static Set<String> names(Path files) throws IOException {
    try (Stream<Path> list = Files.list(files)) {
      return list.map(file -> file.getFileName().toString())
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  @Test
  void theDocumentsCommandsAcceptTheRelease() throws IOException {
    Commands.Result result = check(release);
    assertTrue(result.succeeded(), result::toString);
    String version = version();
    assertEquals(
        Set.of(
            "SHA256SUMS",
            "SHA256SUMS.asc",
            "culvert-" + version + "-linux.tar.gz.cdx.json",
            "culvert-" + version + "-linux.tar.gz",
            "releaser.gpg"),
        names(release));
    assertTrue(result.out().contains("culvert-" + version + "-linux.tar.gz: OK"), result::out);
  }

  @Test
  void oneChangedByteInAnyFileIsRefused() throws IOException {
    for (String name : names(release)) {
      if (name.equals("releaser.gpg")) {
        continue; // the user has it from elsewhere
      }
      Path file = release.resolve(name);
      byte[] before = Files.readAllBytes(file);
      byte[] changed = before.clone();
      changed[before.length / 2] ^= 1;
      Files.write(file, changed);
      assertNotEquals(0, check(release).exitCode(), name);
      Files.write(file, before);
    }
    assertEquals(0, check(release).exitCode(), "all is as it was");
  }

  @Test
  void aSignatureOfAnotherKeyIsRefused() throws IOException {
    Path forged = folder.resolve("forged");
    shell(
            "cp -a \"$1\" \"$2\"; cd \"$2\"; rm SHA256SUMS.asc; gpg --batch --armor --detach-sign"
                + " --local-user \"$3\" --output SHA256SUMS.asc SHA256SUMS",
            release.toString(),
            forged.toString(),
            STRANGER)
        .orThrow();
    Commands.Result result = check(forged);
    assertNotEquals(0, result.exitCode(), result::toString);
    assertTrue(result.err().contains("No public key"), result::toString);
  }

  @Test
  void theArchiveRunsWithoutBeingBuiltAndPrintsTheSbomOfTheRelease() throws IOException {
    String version = version();
    Path place = Files.createDirectory(folder.resolve("place"));
    String archive = release.resolve("culvert-" + version + "-linux.tar.gz").toString();
    shell("tar -xzf \"$1\" -C \"$2\"", archive, place.toString()).orThrow();
    Path program = place.resolve("culvert-" + version).resolve("culvert");
    // A sample that is changed in place makes nothing outdated: there is nothing to build from.
    Path sample = program.resolveSibling("cluster/src/main/dist/kubernetes/daemonset.yaml");
    Files.writeString(sample, Files.readString(sample) + "# ours\n");
    Commands.Result told = shell("\"$1\" version --sbom", program.toString()).orThrow();
    assertEquals(
        Files.readString(release.resolve("culvert-" + version + "-linux.tar.gz.cdx.json")),
        told.out());
    assertFalse(told.err().contains("building"), told::err);
    assertEquals(List.of(), DocumentLinks.dead(place.resolve("culvert-" + version)));
    Path again = folder.resolve("again");
    release("--out", again.toString(), "--key", RELEASER, "--parts", "archive").orThrow();
    assertEquals(
        Files.readString(release.resolve("SHA256SUMS")),
        Files.readString(again.resolve("SHA256SUMS")),
        "the same sources give the same bytes");
  }

  private static String version() throws IOException {
    Matcher version =
        Pattern.compile("(?m)^ {2}<version>(.*)</version>$")
            .matcher(Files.readString(checkout.resolve("pom.xml")));
    assertTrue(version.find());
    return version.group(1);
  }

  private static void assertRefused(String reason, String... arguments) throws IOException {
    Path out = folder.resolve("refused");
    List<String> all = new ArrayList<>(List.of("--out", out.toString(), "--parts", "archive"));
    all.addAll(List.of(arguments));
    Commands.Result result = release(all.toArray(String[]::new));
    assertEquals(1, result.exitCode(), result::toString);
    assertTrue(result.err().contains(reason), result::err);
    assertFalse(Files.exists(out), "nothing is left");
  }

  @Test
  void changesASnapshotAndAKeyThatIsNotThereAreRefused() throws IOException {
    assertRefused("gpg has no secret key 'nobody@example.com'", "--key", "nobody@example.com");
    Path added = Files.writeString(checkout.resolve("added.txt"), "not committed");
    assertRefused("added.txt", "--key", RELEASER);
    Files.delete(added);
    Path pom = checkout.resolve("pom.xml");
    String before = Files.readString(pom);
    Files.writeString(
        pom, before.replaceFirst("(?m)^ {2}<version>.*<", "  <version>9.9.9-SNAPSHOT<"));
    assertRefused("not committed", "--key", RELEASER);
    commit();
    assertRefused("9.9.9-SNAPSHOT, which is no release", "--key", RELEASER);
    Files.writeString(pom, before);
    commit();
    Files.setLastModifiedTime(
        checkout.resolve("cli/target/dist/.built"), Files.getLastModifiedTime(pom));
  }

  @Test
  void aPartThatIsNotKnownIsRefused() throws IOException {
    for (String part : List.of("nonsense", "", "*", "archive ")) {
      assertRefused(
          "'" + part + "' is no part", "--key", RELEASER, "--parts", "archive," + part + ",deb");
    }
  }

  @Test
  @Tag("soak") // builds all in a folder of its own
  void aWholeReleaseIsBuiltFromTheCommit() throws IOException {
    Path whole = folder.resolve("whole");
    releaseOf("", "--out", whole.toString(), "--key", RELEASER).orThrow();
    shell("gpg --export \"$1\" >\"$2/releaser.gpg\"", RELEASER, whole.toString()).orThrow();
    Commands.Result result = check(whole);
    assertTrue(result.succeeded(), result::toString);
    assertTrue(result.out().matches("(?s).*culvert_\\S+\\.deb: OK.*"), result::out);
    assertTrue(result.out().matches("(?s).*culvert_\\S+\\.deb\\.cdx\\.json: OK.*"), result::out);
  }
}
