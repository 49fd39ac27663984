// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Files that a service manager gives to this process alone, as systemd does with {@code
 * LoadCredential=}. They are in a folder that the environment names.
 */
public final class Credentials {
  private static final String VARIABLE = "CREDENTIALS_DIRECTORY";

  /** The beginning of a path in a configuration that leads to a credential. */
  public static final String PREFIX = "${" + VARIABLE + "}/";

  /** In place of the folder if there is none: no file is there, and its name says why. */
  private static final Path NOWHERE = Path.of("/${" + VARIABLE + "}");

  private static final @Nullable Path FOLDER = folder(System.getenv(VARIABLE));

  private Credentials() {}

  private static @Nullable Path folder(@Nullable String value) {
    return value == null || !value.startsWith("/") ? null : Path.of(value).normalize();
  }

  /**
   * The file that a path of a configuration stands for, if it begins with {@link #PREFIX};
   * otherwise the path itself. Without a folder of credentials the result is a file that does not
   * exist, since commands that need no secret read the same configuration.
   */
  public static String resolve(String path) {
    return path.startsWith(PREFIX)
        ? (FOLDER == null ? NOWHERE : FOLDER) + "/" + path.substring(PREFIX.length())
        : path;
  }

  /** Whether the path is that of a credential, given or not. */
  public static boolean isOne(Path path) {
    Path normal = path.normalize();
    return normal.startsWith(NOWHERE) || isGiven(normal, FOLDER);
  }

  static boolean isGiven(Path path, @Nullable Path folder) {
    return folder != null
        && path.normalize().startsWith(folder)
        && !path.normalize().equals(folder);
  }

  /** Whether the path is that of a credential that this process was given. */
  static boolean isGiven(Path path) {
    return isGiven(path, FOLDER);
  }

  /** The reason why the credential of this path cannot be read, and the remedy. */
  public static String missing(Path path) {
    return FOLDER == null
        ? "there are no credentials: they are there only while systemd runs the gateway; give the"
            + " path of a file, or 'LoadCredential="
            + path.getFileName()
            + ":FILE' in the unit"
        : "there is no credential '"
            + path.getFileName()
            + "'; add 'LoadCredential="
            + path.getFileName()
            + ":FILE' to the unit, then 'systemctl daemon-reload' and start it again";
  }
}
