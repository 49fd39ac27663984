// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** Published test vectors; {@code vectors/README.md} beside them says where each comes from. */
final class Vectors {
  private Vectors() {}

  /** The file {@code vectors/name}; a file that is missing fails the test. */
  static InputStream open(String name) throws IOException {
    String resource = "/vectors/" + name;
    InputStream in = Vectors.class.getResourceAsStream(resource);
    if (in == null) {
      throw new FileNotFoundException("no resource " + resource);
    }
    return in;
  }

  static JsonNode json(String name) throws IOException {
    try (InputStream in = open(name)) {
      return new ObjectMapper().readTree(in);
    }
  }

  static List<String> lines(String name) throws IOException {
    try (InputStream in = open(name)) {
      return new String(in.readAllBytes(), US_ASCII).lines().toList();
    }
  }

  /** All tests of all groups of a Wycheproof file. */
  static List<JsonNode> wycheproof(String name) throws IOException {
    List<JsonNode> tests = new ArrayList<>();
    for (JsonNode group : json("wycheproof/" + name).required("testGroups")) {
      group.required("tests").forEach(tests::add);
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

  /** One line per vector file, so that a reader of the log sees which vectors were run. */
  static void report(String name, int passed, int run) {
    System.out.println(name + " " + passed + "/" + run);
  }
}
