package dev.culvert.cli.config;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Reads a configuration file, in the format that its name says. */
public final class ConfigFile {
  /** Room for some 100,000 ranges. */
  static final int MAX_BYTES = 8 << 20;

  private ConfigFile() {}

  /** {@code .conf} is wg(8)'s format, {@code .yaml}, {@code .yml} and {@code .json} are ours. */
  public static GatewayConfig read(Path path) throws ConfigException {
    String file = path.toString();
    Place whole = new Place(file, 0, "");
    String name = String.valueOf(path.getFileName());
    Path directory = path.toAbsolutePath().normalize().getParent();
    if (name.endsWith(".conf")) {
      String text = text(whole, KeyFile.readSecretFile(whole, path, MAX_BYTES));
      return WgFormat.parse(file, name, text);
    }
    if (!name.endsWith(".yaml") && !name.endsWith(".yml") && !name.endsWith(".json")) {
      throw whole.error("a configuration is called .yaml, or .conf in the format of wg(8)");
    }
    return YamlFormat.parse(file, directory == null ? path : directory, readText(path));
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
