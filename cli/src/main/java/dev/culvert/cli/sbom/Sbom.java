// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.sbom;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;

/** A product and its components, as CycloneDX writes them. */
public final class Sbom {
  /** Its name in the jar, and in the folder {@code sbom} beside the jar of a package or image. */
  static final String FILE = "culvert.cdx.json";

  static final String FOLDER = "sbom";
  private static final String IN_JAR = "/META-INF/" + FOLDER + "/" + FILE;

  static final ObjectMapper JSON = JsonMapper.builder().build();

  private final ObjectNode root;

  private Sbom(ObjectNode root) {
    this.root = root;
  }

  static Sbom parse(String text) throws IOException {
    if (JSON.readTree(text) instanceof ObjectNode root
        && root.path("metadata").path("component") instanceof ObjectNode
        && root.path("components") instanceof ArrayNode) {
      return new Sbom(root);
    }
    throw new IOException("not an SBOM of CycloneDX: it has no metadata.component or components");
  }

  static Sbom read(Path file) throws IOException {
    return parse(Files.readString(file));
  }

  /**
   * The SBOM of this installation: the package's or image's, which lists the Java runtime too, or
   * else that of the program.
   *
   * @throws NoSuchFileException if the classes were not packaged
   */
  public static String ofThisInstallation() throws IOException {
    Path beside = ownJar().resolveSibling(FOLDER).resolve(FILE);
    return Files.exists(beside) ? Files.readString(beside) : ofProgram();
  }

  /** The SBOM in this program's jar. */
  static String ofProgram() throws IOException {
    try (InputStream in = Sbom.class.getResourceAsStream(IN_JAR)) {
      if (in == null) {
        throw new NoSuchFileException(
            "this program has no SBOM, since it was not packaged: run ./culvert or 'mvn package'");
      }
      return new String(in.readAllBytes(), UTF_8);
    }
  }

  static Path ownJar() throws IOException {
    try {
      return Path.of(Sbom.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IOException("the program's own path cannot be read: " + e.getMessage(), e);
    }
  }

  /** All but the product itself. */
  List<ObjectNode> components() {
    List<ObjectNode> components = new ArrayList<>();
    for (JsonNode component : root.path("components")) {
      components.add((ObjectNode) component);
    }
    return components;
  }

  ObjectNode product() {
    return (ObjectNode) root.path("metadata").path("component");
  }

  /** The text, with a serial number made of the contents: the same contents have the same one. */
  String text() throws IOException {
    root.remove("serialNumber");
    String contents = print();
    root.put("serialNumber", "urn:uuid:" + UUID.nameUUIDFromBytes(contents.getBytes(UTF_8)));
    return print();
  }

  private String print() throws IOException {
    DefaultIndenter indenter = new DefaultIndenter("  ", "\n");
    DefaultPrettyPrinter printer =
        new DefaultPrettyPrinter().withObjectIndenter(indenter).withArrayIndenter(indenter);
    return JSON.writer(printer).writeValueAsString(root) + "\n";
  }

  void time(String time) {
    ((ObjectNode) root.path("metadata")).put("timestamp", time);
  }

  /** Sorts the components, so that their order does not depend on the tools' versions. */
  void sort() {
    List<ObjectNode> components = components();
    components.sort(Comparator.comparing(Sbom::purl));
    root.putArray("components").addAll(components);
  }

  /** The new product consists of the former one and these. */
  void becomesPartOf(ObjectNode product, List<ObjectNode> others) {
    ObjectNode former = product();
    List<ObjectNode> added = new ArrayList<>(List.of(former));
    added.addAll(others);
    ((ObjectNode) root.path("metadata")).set("component", product);
    ((ArrayNode) root.path("components")).addAll(added);
    ObjectNode parts = root.withArray("dependencies").addObject();
    parts.put("ref", product.path("bom-ref").textValue());
    ArrayNode dependsOn = parts.putArray("dependsOn");
    added.forEach(part -> dependsOn.add(part.path("bom-ref").textValue()));
    sort();
  }

  /** A component whose reference is its package URL. */
  static ObjectNode component(String type, String name, String version, String purl) {
    return JSON.createObjectNode()
        .put("type", type)
        .put("bom-ref", purl)
        .put("name", name)
        .put("version", version)
        .put("purl", purl);
  }

  static String purl(ObjectNode component) {
    return component.path("purl").asText();
  }

  static void sha256(ObjectNode component, Path file) throws IOException {
    ObjectNode hash = component.putArray("hashes").addObject();
    hash.put("alg", "SHA-256").put("content", sha256(file));
  }

  static String sha256(Path file) throws IOException {
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
