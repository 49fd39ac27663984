// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Kernel settings of the calling thread's network namespace. */
public final class Sysctls {
  private static final Path ROOT = Path.of("/proc/sys");

  private static final Pattern SOURCE_MARK =
      Pattern.compile("net/ipv4/conf/([^/]+)/src_valid_mark");
  private static final int IPV4_DEVCONF_SRC_VMARK = 24;

  private Sysctls() {}

  /**
   * Reads a setting.
   *
   * @param key its path under {@code /proc/sys}
   * @return empty if there is no such setting, or its device is not there
   */
  public static Optional<String> read(String key) throws IOException {
    try {
      return Optional.of(Files.readString(path(key), StandardCharsets.US_ASCII).strip());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  static boolean exists(String key) {
    return Files.exists(path(key));
  }

  /**
   * Writes a setting, by netlink: in a container {@code /proc/sys} is read-only.
   *
   * @param key that of src_valid_mark of a device: no other is set
   * @param value a whole number
   */
  public static void write(String key, String value) throws IOException {
    Matcher device = SOURCE_MARK.matcher(key);
    if (!device.matches()) {
      throw new IllegalArgumentException("not a kernel setting that is set: " + key);
    }
    try (Netlink netlink = Netlink.open()) {
      Links links = new Links(netlink);
      links.setIpv4(
          links.get(device.group(1)).index(),
          IPV4_DEVCONF_SRC_VMARK,
          Integer.parseUnsignedInt(value));
    }
  }

  private static Path path(String key) {
    Path path = ROOT.resolve(key).normalize();
    if (!path.startsWith(ROOT)) {
      throw new IllegalArgumentException("not a kernel setting: " + key);
    }
    return path;
  }
}
