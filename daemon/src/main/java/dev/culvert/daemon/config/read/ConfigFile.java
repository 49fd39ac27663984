// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.Place;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * A configuration file, in the format that its name tells. Its contents are kept from when it was
 * opened, so that the files that it names can be read again without it.
 */
public final class ConfigFile {
  /** Room for some 100,000 ranges. */
  static final int MAX_BYTES = 8 << 20;

  private final Path path;
  private final Parser parser;

  private interface Parser {
    GatewayConfig parse(NodesFile nodesFile) throws ConfigException;
  }

  private ConfigFile(Path path, Parser parser) {
    this.path = path;
    this.parser = parser;
  }

  /**
   * Opens a file: {@code .conf} is wg(8)'s format, {@code .yaml}, {@code .yml} and {@code .json}
   * are ours.
   */
  public static ConfigFile open(Path path) throws ConfigException {
    String file = path.toString();
    Place whole = new Place(file, 0, "");
    String name = String.valueOf(path.getFileName());
    Path directory = path.toAbsolutePath().normalize().getParent();
    if (name.endsWith(".conf")) {
      // The file names no other file, and is full of secrets, so its text is not kept.
      GatewayConfig config =
          WgFormat.parse(file, name, text(whole, KeyFile.readSecretFile(whole, path, MAX_BYTES)));
      return new ConfigFile(path, nodesFile -> config);
    }
    if (!name.endsWith(".yaml") && !name.endsWith(".yml") && !name.endsWith(".json")) {
      throw whole.error("a configuration is called .yaml, or .conf in the format of wg(8)");
    }
    String text = readText(path);
    return new ConfigFile(
        path,
        nodesFile -> YamlFormat.parse(file, directory == null ? path : directory, text, nodesFile));
  }

  /** Opens and parses. */
  public static GatewayConfig read(Path path) throws ConfigException {
    return open(path).parse();
  }

  public Path path() {
    return path;
  }

  /** The kept contents, with the present contents of the files that they name. */
  public GatewayConfig parse() throws ConfigException {
    return parser.parse(NodesFile.NAMED);
  }

  /**
   * The part of the configuration that is known before the network is up. If the file of {@code
   * discovery} cannot be used, the remembered one takes its place, or else none does; the guard is
   * loaded anyway. This node need not be among the nodes either.
   *
   * @param remembered the file of {@code discovery} as it was when it was last used
   * @param missed told of each file that could not be used
   * @throws ConfigException if the configuration itself cannot be used
   */
  public GatewayConfig parseAtBoot(Path remembered, Consumer<String> missed)
      throws ConfigException {
    GatewayConfig least = parser.parse(NodesFile.atBoot(null));
    Path named = least.discovery();
    if (named == null) {
      return least;
    }
    for (Path file : List.of(named, remembered)) {
      try {
        return parser.parse(NodesFile.atBoot(file));
      } catch (ConfigException e) {
        missed.accept(String.valueOf(e.getMessage()));
      }
    }
    return least;
  }

  /** The text of a file that holds no secrets. */
  static String readText(Path path) throws ConfigException {
    Place whole = new Place(path.toString(), 0, "");
    return text(whole, bytes(whole, path));
  }

  private static byte[] bytes(Place whole, Path path) throws ConfigException {
    try {
      return KeyFile.readBounded(whole, path, MAX_BYTES);
    } catch (NoSuchFileException e) {
      throw whole.error("the file does not exist");
    } catch (IOException e) {
      throw whole.error("cannot be read: " + e.getMessage());
    }
  }

  private static String text(Place whole, byte[] bytes) throws ConfigException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw whole.error("is not UTF-8 text");
    }
  }
}
