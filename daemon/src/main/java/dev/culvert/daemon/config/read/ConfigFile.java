// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.DiscoveryConfig;
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
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A configuration file, in the format that its name tells. Its contents are kept from when it was
 * opened, so that the files that it names can be read again without it.
 */
public final class ConfigFile {
  /** The version of Culvert's own format. */
  public static final String API_VERSION = "culvert.dev/v1alpha1";

  /** Room for some 100,000 ranges. */
  static final int MAX_BYTES = 8 << 20;

  private final Path path;
  private final Parser parser;

  private interface Parser {
    GatewayConfig parse(NodeSource source) throws ConfigException;
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
    return open(path, System::getenv);
  }

  /**
   * Opens a file.
   *
   * @param environment gives the value of a variable, or null
   */
  static ConfigFile open(Path path, UnaryOperator<@Nullable String> environment)
      throws ConfigException {
    String file = path.toString();
    Place whole = new Place(file, 0, "");
    String name = String.valueOf(path.getFileName());
    Path directory = path.toAbsolutePath().normalize().getParent();
    if (name.endsWith(".conf")) {
      // The file names no other file, and is full of secrets, so its text is not kept.
      GatewayConfig config =
          WgFormat.parse(file, name, text(whole, BoundedFile.readSecret(whole, path, MAX_BYTES)));
      return new ConfigFile(path, source -> config);
    }
    if (!name.endsWith(".yaml") && !name.endsWith(".yml") && !name.endsWith(".json")) {
      throw whole.error("a configuration is called .yaml, or .conf in the format of wg(8)");
    }
    YamlValue document = YamlValue.parse(file, readText(path));
    Path base = directory == null ? path : directory;
    return new ConfigFile(path, source -> YamlFormat.read(document, base, source, environment));
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
    return parse(KnownCluster.NOTHING);
  }

  /**
   * The same for a gateway that may follow the Kubernetes API.
   *
   * @param known of no effect if the configuration does not name the API
   */
  public GatewayConfig parse(KnownCluster known) throws ConfigException {
    return parser.parse(new NodeSource.Present(known));
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
    GatewayConfig least = parser.parse(new NodeSource.AtBoot(null));
    if (!(least.discovery() instanceof DiscoveryConfig.InFile(Path named))) {
      return least;
    }
    for (Path file : List.of(named, remembered)) {
      try {
        return parser.parse(new NodeSource.AtBoot(file));
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
      return BoundedFile.read(whole, path, MAX_BYTES);
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
