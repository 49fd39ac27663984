package dev.culvert.crypto;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** Test vectors that nobody in this project wrote, read where they lie. */
final class Vectors {
  private Vectors() {}

  /** The file of this name; without it the test is skipped, saying so. */
  static Path file(String name) {
    Path file = Path.of(System.getProperty("culvert.vectors", "no-vectors"), name);
    Assumptions.assumeTrue(Files.isRegularFile(file), () -> "skipped: no vectors at " + file);
    return file;
  }

  static JsonNode json(String name) throws IOException {
    return new ObjectMapper().readTree(file(name).toFile());
  }

  /** All tests of all groups of a Wycheproof file. */
  static List<JsonNode> wycheproof(String name) throws IOException {
    List<JsonNode> tests = new ArrayList<>();
    for (JsonNode group : json("wycheproof/" + name).path("testGroups")) {
      group.path("tests").forEach(tests::add);
    }
    return tests;
  }

  /** A field in hexadecimal; a field that is missing fails. */
  static byte[] bytes(JsonNode node, String field) {
    return hex(node.required(field).textValue());
  }

  static byte[] hex(String hex) {
    return HexFormat.of().parseHex(hex);
  }

  static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }

  /** One line a vector file, so that a reader of the log sees what was run. */
  static void report(String what, int passed, int run) {
    System.out.println(what + " " + passed + "/" + run);
  }
}
