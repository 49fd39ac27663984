package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.esp.keying.KeyFile;
import dev.culvert.tunnel.esp.keying.KeyFileException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;

/** Reads the ESP engine's key file from disk. */
public final class KeyFileReader {
  /** Fifteen keys are well under 2 KiB. */
  private static final int MAX_BYTES = 16_384;

  private static final Set<PosixFilePermission> OWNERS =
      EnumSet.of(
          PosixFilePermission.OWNER_READ,
          PosixFilePermission.OWNER_WRITE,
          PosixFilePermission.OWNER_EXECUTE);

  private KeyFileReader() {}

  /**
   * Reads and parses {@code path}; a symbolic link is followed, as a mounted secret is one.
   *
   * @throws KeyFileException where others may read the file, or its contents are refused
   * @throws IOException where it cannot be read
   */
  public static KeyFile read(Path path) throws IOException, KeyFileException {
    String name = path.toString();
    Set<PosixFilePermission> mode = Files.getPosixFilePermissions(path);
    if (!OWNERS.containsAll(mode)) {
      throw new KeyFileException(
          name,
          0,
          "",
          "mode "
              + PosixFilePermissions.toString(mode)
              + " lets group or others at the keys; make it 0600, or 0400 for a mounted secret");
    }
    byte[] text = {};
    try (InputStream in = Files.newInputStream(path)) {
      text = in.readNBytes(MAX_BYTES + 1);
      if (text.length > MAX_BYTES) {
        throw new KeyFileException(name, 0, "", "over " + MAX_BYTES + " bytes: no key file");
      }
      return KeyFile.parse(name, text);
    } finally {
      Arrays.fill(text, (byte) 0);
    }
  }
}
