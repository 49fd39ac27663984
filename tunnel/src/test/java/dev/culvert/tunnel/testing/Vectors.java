// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.HexFormat;

/** Published test vectors; {@code vectors/README.md} beside them says where each comes from. */
public final class Vectors {
  private Vectors() {}

  /** The content of {@code vectors/name}; a file that is missing fails the test. */
  public static JsonNode json(String name) throws IOException {
    String resource = "/vectors/" + name;
    try (InputStream in = Vectors.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new FileNotFoundException("no resource " + resource);
      }
      return new ObjectMapper().readTree(in);
    }
  }

  /** A field in hexadecimal; a field that is missing fails. */
  public static byte[] bytes(JsonNode node, String field) {
    return HexFormat.of().parseHex(node.required(field).textValue());
  }
}
