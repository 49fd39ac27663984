// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.image;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.lab.net.Commands;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * The image of one architecture, taken out of an archive and unpacked by the tools of engines,
 * which compare all digests.
 *
 * @param architecture as in {@code arm64}
 * @param layout of OCI, with this image alone
 * @param bundle the files, in its folder {@code rootfs}, and {@code config.json} for a runtime
 */
record Image(String architecture, Path layout, Path bundle) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final String TAG = "tried";

  /** Takes the image for an architecture out of an archive. */
  static Image unpack(Path archive, String architecture, Path folder) {
    Path layout = folder.resolve(architecture);
    Path bundle = folder.resolve(architecture + "-bundle");
    run(
        "skopeo",
        "copy",
        "--override-arch=" + architecture,
        "oci-archive:" + archive,
        "oci:" + layout + ":" + TAG);
    run("umoci", "unpack", "--image", layout + ":" + TAG, bundle.toString());
    return new Image(architecture, layout, bundle);
  }

  private static void run(String... command) {
    Commands.attempt(PATIENCE, Map.of(), List.of(command)).orThrow();
  }

  static JsonNode read(Path file) {
    try {
      return JSON.readTree(file.toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private JsonNode blob(JsonNode descriptor) {
    String[] digest = descriptor.get("digest").asText().split(":", 2);
    return read(layout.resolve("blobs").resolve(digest[0]).resolve(digest[1]));
  }

  JsonNode manifest() {
    return blob(read(layout.resolve("index.json")).get("manifests").get(0));
  }

  JsonNode configuration() {
    return blob(manifest().get("config"));
  }

  /** The size of each layer as a registry keeps it, in bytes, by name, lowest first. */
  Map<String, Long> layers() {
    Map<String, Long> layers = new LinkedHashMap<>();
    JsonNode history = configuration().get("history");
    JsonNode descriptors = manifest().get("layers");
    for (int i = 0; i < descriptors.size(); i++) {
      layers.put(
          history.get(i).get("created_by").asText(), descriptors.get(i).get("size").asLong());
    }
    return layers;
  }

  Path root() {
    return bundle.resolve("rootfs");
  }

  /** A file of the image. */
  Path file(String path) {
    return root().resolve(path.substring(1));
  }

  /** All files and folders, links not followed. */
  List<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(root())) {
      return files.filter(file -> !file.equals(root())).toList();
    }
  }

  /** Programs and libraries, each with the names of libraries that it needs. */
  Map<Path, List<String>> binaries() throws IOException {
    Map<Path, List<String>> binaries = new TreeMap<>();
    for (Path file : files()) {
      if (isElf(file)) {
        binaries.put(file, needed(file));
      }
    }
    return binaries;
  }

  private static boolean isElf(Path file) throws IOException {
    if (!Files.isRegularFile(file) || Files.isSymbolicLink(file)) {
      return false;
    }
    try (var in = Files.newInputStream(file)) {
      return Arrays.equals(in.readNBytes(4), new byte[] {0x7f, 'E', 'L', 'F'});
    }
  }

  private static List<String> needed(Path file) {
    List<String> needed = new ArrayList<>();
    for (String line : Commands.run("readelf", "-d", file.toString()).out().lines().toList()) {
      if (line.contains("(NEEDED)")) {
        needed.add(line.substring(line.indexOf('[') + 1, line.indexOf(']')));
      }
    }
    return needed;
  }

  /** The texts in an array of JSON. */
  static List<String> texts(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asText).toList();
  }
}
