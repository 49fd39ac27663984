// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.DebianMachine;
import dev.culvert.cli.kit.DocumentLinks;
import dev.culvert.cli.kit.Launchers;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.daemon.testing.NotifyListener;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Pings;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The package is the same from each build, keeps the rules of Debian, carries traffic under the
 * unit's user, and leaves nothing when it is purged.
 */
@Tag("integration")
final class DebianPackageTest {
  private static final Duration BUILD = Duration.ofMinutes(5);
  private static final String MARKER = "never-in-clear-0";
  private static final List<String> CAPABILITIES =
      List.of("net_admin", "net_raw", "net_bind_service");
  private static final String CONFIGURATION = "/etc/culvert/node-a.yaml";

  /** Files that belong to Debian's tools, which note each package that was there once. */
  private static final String NOTES =
      "(/var/lib/dpkg|/var/log|/var/cache/man|/var/tmp|/etc/(passwd|group|shadow|gshadow)-?$"
          + "|/etc/\\.pwd\\.lock$|/run/wireguard|/run/credentials).*";

  /** The service's user can write this; of the namespace, since the kernel is this machine's. */
  private static final String FOREIGN_SETTING =
      "echo 0 >/proc/sys/net/ipv4/conf/all/log_martians; for note in /run/culvert/*.guard; do"
          + " echo net/ipv4/conf/all/log_martians 1 0 >>${note%.guard}.settings; done";

  @TempDir private static Path folder;

  private static Path deb;
  private static Path content;

  @BeforeAll
  static void build() throws IOException {
    Requirements.namespaces();
    for (String tool : List.of("dpkg-deb", "nft", "setpriv", "nsenter", "systemd-sysusers")) {
      Requirements.tool(tool);
    }
    Requirements.needs(Files.exists(Path.of("/var/lib/dpkg/status")), "this is no Debian machine");
    Launchers.culvert();
    Commands.run("chmod", "755", folder.toString()); // for the service's user
    deb = build("tried", "--fast");
    content = folder.resolve("content");
    Commands.run("dpkg-deb", "-x", deb.toString(), content.toString());
  }

  private static Path build(String name, String... options) {
    List<String> command = new ArrayList<>(List.of(Culvert.launcher("bin/deb-build").toString()));
    command.addAll(List.of("--out", folder.resolve(name).toString()));
    command.addAll(List.of(options));
    Map<String, String> environment = Map.of("JAVA_HOME", System.getProperty("java.home"));
    return Path.of(Commands.attempt(BUILD, environment, command).orThrow().out().strip());
  }

  private static String sha256(Path file) throws Exception {
    byte[] bytes = Files.readAllBytes(file);
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  @Test
  @Tag("soak") // a minute and a half for each build, on two cores
  void twoBuildsAreTheSameBytes() throws Exception {
    assertEquals(sha256(build("first")), sha256(build("second")));
  }

  @Test
  void lintianFindsNoError() {
    Requirements.tool("lintian");
    Commands.Result result =
        Commands.attempt(BUILD, Map.of(), List.of("lintian", "--fail-on", "error", deb.toString()));
    assertTrue(result.succeeded(), result::toString);
  }

  @Test
  void allFilesAreRootsAndNoneGivesRights() {
    List<String> files = Commands.run("dpkg-deb", "-c", deb.toString()).out().lines().toList();
    assertTrue(files.size() > 100, files::toString);
    for (String file : files) {
      String[] words = file.split(" +", 3);
      assertEquals("root/root", words[1], file);
      assertTrue(words[0].matches("[-dl]r.*") && !words[0].matches(".*[sStT].*"), file);
      boolean closed = words[2].matches(".* \\./(etc/culvert|var/cache/culvert-root)/");
      String modes = closed ? "drwx------" : "drwxr-xr-x|-rw[-x]r-[-x]r-[-x]|lrwxrwxrwx";
      assertTrue(words[0].matches(modes), "the builder's umask does not count: " + file);
    }
    assertTrue(files.stream().anyMatch(f -> f.matches("drwx------.* \\./etc/culvert/")));
  }

  @Test
  void theDocumentsLinkToFilesOfThePackage() throws IOException {
    assertEquals(List.of(), DocumentLinks.dead(content.resolve("usr/share/doc/culvert")));
  }

  @Test
  void theCopyrightFileNamesTheLicencesThatAreInNoJar() throws IOException {
    Path lib = content.resolve("usr/lib/culvert");
    List<String> named = filesWithALicence();
    List<String> missing = new ArrayList<>();
    JsonNode sbom = new ObjectMapper().readTree(lib.resolve("sbom/culvert.cdx.json").toFile());
    int found = 0;
    for (JsonNode part : sbom.path("components")) {
      String licence = part.at("/licenses/0/license/id").asText();
      String jar = part.path("name").asText() + "-" + part.path("version").asText() + ".jar";
      if (part.path("purl").asText().startsWith("pkg:maven/") && !licence.equals("Apache-2.0")) {
        found++;
        if (!hasItsLicence(lib.resolve(jar)) && named.stream().noneMatch(glob -> fits(glob, jar))) {
          missing.add(jar + ": " + licence);
        }
      }
    }
    assertTrue(found > 5, "too few to be all: " + found);
    assertEquals(List.of(), missing);
  }

  private static List<String> filesWithALicence() throws IOException {
    return Files.readString(content.resolve("usr/share/doc/culvert/copyright"))
        .lines()
        .filter(line -> line.startsWith("Files: usr/"))
        .flatMap(line -> Stream.of(line.substring("Files: ".length()).split(" ", -1)))
        .toList();
  }

  private static boolean fits(String glob, String jar) {
    return FileSystems.getDefault()
        .getPathMatcher("glob:" + glob)
        .matches(Path.of("usr/lib/culvert", jar));
  }

  private static boolean hasItsLicence(Path jar) throws IOException {
    try (ZipFile entries = new ZipFile(jar.toFile())) {
      return entries.stream().anyMatch(e -> e.getName().matches("META-INF/LICENSE[^/]*"));
    }
  }

  /** The package with another revision, which takes a fraction of the time of a build. */
  private static Path next() {
    Path tree = folder.resolve("tree");
    Path next = folder.resolve("next.deb");
    Commands.run("dpkg-deb", "-R", deb.toString(), tree.toString());
    Commands.run("sed", "-i", "s/^Version: .*/&+next/", tree.resolve("DEBIAN/control").toString());
    Commands.run(
        "dpkg-deb", "--root-owner-group", "-Znone", "-b", tree.toString(), next.toString());
    return next;
  }

  @Test
  void aNodeIsInstalledUpgradedUnderTrafficRemovedAndPurged() throws Exception {
    try (TestLab lab = TestLab.unstarted();
        DebianMachine machine = new DebianMachine(folder)) {
      LabSite site = lab.network.a;
      Set<String> before = files(machine, site.node());
      machine.run(site.node(), "dpkg -i " + deb);
      nothingRunsYet(machine, site.node());
      configure(lab, machine);
      lab.gatewayB.start(lab.gatewayA);
      try (Capture capture =
          Capture.start(lab.network.wire, LabNetwork.BRIDGE, "", List.of(MARKER))) {
        Path next = next();
        try (Daemon gateway = startAsTheUnitDoes(machine, site.node())) {
          gateway.await("an answer", Commands.PATIENCE, lab::podsReachEachOther);
          keysArePrivate(machine, site.node());
          try (Daemon pings = Pings.start(site.pod(), 100, "0.1", lab.network.b.podAddress())) {
            machine.run(site.node(), "dpkg -i " + next);
            pings.awaitEnd(Commands.PATIENCE);
            assertTrue(Pings.allAnswered(pings.output(), 100), pings::output);
            // This user may make no namespace to rehearse the guard in.
            assertFalse(gateway.output().contains("another program"), gateway::output);
          }
        }
        lab.sendToPodB(MARKER);
        try (Daemon gateway = startAsTheUnitDoes(machine, site.node())) {
          gateway.await("an answer", Commands.PATIENCE, lab::podsReachEachOther);
          lab.sendToPodB(MARKER);
        }
        machine.run(site.node(), "dpkg -r culvert");
        lab.sendToPodB(MARKER);
        removedWithoutItsGuard(machine, site.node());
        machine.run(site.node(), FOREIGN_SETTING);
        capture.stop();
        assertEquals(0, capture.seen(MARKER));
      }
      machine.run(site.node(), "dpkg -P culvert");
      assertFalse(guarded(site.node()), "purged: the guard is lifted");
      String remove =
          "setpriv --reuid=culvert --regid=culvert --clear-groups rm /run/wireguard/other.sock";
      assertFalse(machine.attempt(site.node(), remove).succeeded(), "it is another program's");
      assertEquals(
          "0\n",
          machine.run(site.node(), "cat /proc/sys/net/ipv4/conf/all/log_martians"),
          "root sets only Culvert's own settings");
      Set<String> left = files(machine, site.node());
      left.removeAll(before);
      assertEquals(List.of(), List.copyOf(left));
    }
  }

  /** All names on the machine, without those that Debian's tools keep. */
  private static Set<String> files(DebianMachine machine, Namespace network) {
    Set<String> files = new TreeSet<>();
    machine
        .run(network, "find /etc /usr /var /run -xdev")
        .lines()
        .filter(name -> !name.matches(NOTES))
        .forEach(files::add);
    return files;
  }

  private static void nothingRunsYet(DebianMachine machine, Namespace network) {
    assertFalse(guarded(network));
    assertEquals("", machine.run(network, "find /etc/systemd /etc/culvert -name '*culvert?*'"));
    assertEquals("750 root culvert\n", machine.run(network, "stat -c '%a %U %G' /etc/culvert"));
    assertTrue(machine.run(network, "culvert --version").startsWith("culvert "));
    assertTrue(machine.run(network, "culvert version --sbom").contains("pkg:generic/openjdk@"));
    assertTrue(machine.run(network, "man -w culvert-up").contains("/man8/culvert-up.8.gz"));
  }

  /** The key comes as a credential, from a file that only root can read. */
  private static void configure(TestLab lab, DebianMachine machine) throws IOException {
    LabSite site = lab.network.a;
    Path yaml = Files.writeString(folder.resolve("a.yaml"), yaml(lab));
    machine.run(
        site.node(),
        "cp "
            + yaml
            + " "
            + CONFIGURATION
            + "; install -d -o culvert -m 700 /var/lib/culvert /var/cache/culvert"
            + "; install -d -o culvert -m 755 /run/culvert"
            + "; install -d -m 1775 -g culvert /run/wireguard"
            + "; touch /run/wireguard/other.sock"
            + "; install -d -o culvert -m 500 /run/credentials/culvert@node-a.service"
            + "; install -o culvert -m 400 "
            + privateKey(lab)
            + " /run/credentials/culvert@node-a.service/private-key");
  }

  private static String yaml(TestLab lab) {
    String yaml = LabEngine.WIREGUARD.yaml(lab.network.a, lab.network.b, lab.folder);
    return yaml.replace(privateKey(lab).toString(), "\"${CREDENTIALS_DIRECTORY}/private-key\"");
  }

  static Path privateKey(TestLab lab) {
    String yaml = LabEngine.WIREGUARD.yaml(lab.network.a, lab.network.b, lab.folder);
    String path =
        yaml.lines()
            .flatMap(line -> Stream.of(line.split("[ {},\"]+", -1)))
            .filter(word -> word.startsWith(lab.folder.toString()))
            .findFirst()
            .orElseThrow();
    return Path.of(path);
  }

  private Daemon startAsTheUnitDoes(DebianMachine machine, Namespace network) throws IOException {
    Path socket = folder.resolve("notify");
    try (NotifyListener manager = new NotifyListener(socket.toString())) {
      Commands.run("chmod", "666", socket.toString());
      Daemon gateway =
          network.start(
              Map.of(
                  "NOTIFY_SOCKET", socket.toString(),
                  "WATCHDOG_USEC", "10000000",
                  "CACHE_DIRECTORY", "/var/cache/culvert",
                  "CREDENTIALS_DIRECTORY", "/run/credentials/culvert@node-a.service"),
              machine.asService(
                  "culvert", CAPABILITIES, List.of("/usr/bin/culvert", "up", CONFIGURATION)));
      gateway.await(
          "READY",
          Commands.PATIENCE,
          () -> manager.messages().stream().anyMatch(told -> told.startsWith("READY=1\n")));
      return gateway;
    }
  }

  private static void keysArePrivate(DebianMachine machine, Namespace network) {
    String open =
        machine.run(
            network,
            "find /etc/culvert /var/lib/culvert /var/cache/culvert /run/credentials"
                + " -type f ! -name '*.yaml' -perm /077");
    assertEquals("", open);
    String folders = machine.run(network, "stat -c '%a %U' /var/lib/culvert /etc/culvert");
    assertEquals("700 culvert\n750 root\n", folders);
    // State comes only if this end begins a handshake; the key is there in any case.
    assertNotEquals("", machine.run(network, "find /run/credentials -type f"), "there is a key");
  }

  private static void removedWithoutItsGuard(DebianMachine machine, Namespace network) {
    assertTrue(guarded(network), "removed: the guard stays");
    assertEquals("", machine.run(network, "ls /usr/bin | grep culvert || true"));
    assertFalse(machine.attempt(network, "test -e /usr/lib/culvert").succeeded());
    assertTrue(
        machine.attempt(network, "test -e " + CONFIGURATION).succeeded(), "it is the user's");
  }

  private static boolean guarded(Namespace network) {
    return network.run("nft", "list", "tables").out().contains("culvert");
  }
}
