// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.sbom;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The Debian packages of a file system. */
final class DebianPackages {
  private static final Pattern FIELD = Pattern.compile("(?m)^([A-Za-z-]+): *(.*)$");

  /** In a copyright file that machines can read, and in one for people. */
  private static final Pattern LICENCE =
      Pattern.compile(
          "(?m)^License: *(\\S[^\\n]*)$|/usr/share/common-licenses/([A-Za-z0-9][A-Za-z0-9.-]*)");

  private static final Pattern END = Pattern.compile("[.,-]+$");

  private final Path root;
  private final String vendor;
  private final String release;

  private DebianPackages(Path root, String vendor, String release) {
    this.root = root;
    this.vendor = vendor;
    this.release = release;
  }

  /**
   * @param base the root whose {@code etc/os-release} names the distribution
   */
  static DebianPackages in(Path root, Path base) throws IOException {
    Map<String, String> system = new HashMap<>();
    for (String line : Files.readAllLines(base.resolve("etc/os-release"))) {
      String[] parts = line.split("=", 2);
      system.put(parts[0], parts[parts.length - 1].replace("\"", ""));
    }
    String id = system.get("ID");
    String version = system.get("VERSION_ID");
    if (id == null || version == null) {
      throw new IOException(base.resolve("etc/os-release") + " does not name ID and VERSION_ID");
    }
    return new DebianPackages(root, id, version);
  }

  /** One component for each package that is installed. */
  List<ObjectNode> components() throws IOException {
    List<ObjectNode> components = new ArrayList<>();
    for (Path file : lists()) {
      for (String paragraph : Files.readString(file).split("\n\n+", -1)) {
        Map<String, String> fields = new HashMap<>();
        FIELD.matcher(paragraph).results().forEach(f -> fields.put(f.group(1), f.group(2)));
        // Lists of a base without dpkg have no status.
        String status = fields.getOrDefault("Status", "install ok installed");
        if (fields.containsKey("Package") && status.endsWith(" installed")) {
          components.add(component(file, fields));
        }
      }
    }
    if (components.isEmpty()) {
      throw new IOException(root + " has no Debian package");
    }
    return components;
  }

  private List<Path> lists() throws IOException {
    List<Path> lists = new ArrayList<>();
    Path dpkg = root.resolve("var/lib/dpkg");
    if (Files.exists(dpkg.resolve("status"))) {
      lists.add(dpkg.resolve("status"));
    }
    if (Files.isDirectory(dpkg.resolve("status.d"))) {
      try (Stream<Path> files = Files.list(dpkg.resolve("status.d"))) {
        files.filter(file -> !file.toString().endsWith(".md5sums")).sorted().forEach(lists::add);
      }
    }
    return lists;
  }

  private ObjectNode component(Path file, Map<String, String> fields) throws IOException {
    String name = fields.getOrDefault("Package", "");
    String version = fields.get("Version");
    String architecture = fields.get("Architecture");
    if (version == null || architecture == null) {
      throw new IOException(file + ": the package " + name + " has no version or architecture");
    }
    String purl =
        "pkg:deb/%s/%s@%s?arch=%s&distro=%s-%s"
            .formatted(
                vendor, Purl.encode(name), Purl.encode(version), architecture, vendor, release);
    ObjectNode component = Sbom.component("library", name, version, purl);
    ArrayNode licences = component.putArray("licenses");
    for (String licence : licences(name)) {
      licences.addObject().putObject("license").put("name", licence);
    }
    return component;
  }

  /** The licences in the package's copyright file, by the names that the file gives them. */
  private NavigableSet<String> licences(String name) throws IOException {
    Path file = root.resolve("usr/share/doc").resolve(name).resolve("copyright");
    if (!Files.exists(file)) {
      throw new IOException(file + " does not exist, so the licences of " + name + " are unknown");
    }
    NavigableSet<String> licences = new TreeSet<>();
    LICENCE
        .matcher(Files.readString(file))
        .results()
        .map(found -> found.group(1) == null ? found.group(2) : found.group(1))
        .map(licence -> END.matcher(licence.strip()).replaceFirst(""))
        .forEach(licences::add);
    if (licences.isEmpty()) {
      throw new IOException(file + " names no licence in a form that is known here");
    }
    return licences;
  }
}
