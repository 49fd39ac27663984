// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Kernel settings of the calling thread's network namespace. */
public final class Sysctls {
  private static final Path ROOT = Path.of("/proc/sys");

  private static final Pattern OF_DEVICE = Pattern.compile("net/ipv4/conf/([^/]+)/([a-z_]+)");

  /** Settings by their number among the kernel's IPV4_DEVCONF. */
  private static final Map<String, Integer> BY_NETLINK =
      Map.of("rp_filter", 8, "src_valid_mark", 24);

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
   * Writes a setting. In a container the files are read-only; some settings of devices are given by
   * netlink then.
   */
  public static void write(String key, String value) throws IOException {
    try {
      Files.writeString(path(key), value, StandardCharsets.US_ASCII);
    } catch (FileSystemException e) {
      Matcher of = OF_DEVICE.matcher(key);
      Integer setting = of.matches() ? BY_NETLINK.get(of.group(2)) : null;
      if (setting == null || e instanceof NoSuchFileException) {
        throw e;
      }
      writeByNetlink(of.group(1), setting, value);
    }
  }

  private static void writeByNetlink(String device, int setting, String value) throws IOException {
    try (Netlink netlink = Netlink.open()) {
      Links links = new Links(netlink);
      links.setIpv4(links.get(device).index(), setting, Integer.parseInt(value));
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
