// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.kernel.Errno;
import org.jspecify.annotations.Nullable;

/**
 * The number of threads that share the lanes' ciphering, if a system property overrides the
 * default.
 */
final class HelperCount {
  private static final String PROPERTY = "culvert.helpers";
  private static final int MOST = 64;

  private HelperCount() {}

  /** The value of the system property, else {@link GatewayOptions#BY_MACHINE}. */
  static int configured() throws DeviceException {
    return parse(System.getProperty(PROPERTY));
  }

  static int parse(@Nullable String text) throws DeviceException {
    if (text == null) {
      return GatewayOptions.BY_MACHINE;
    }
    if (!text.matches("[0-9]{1,2}") || Integer.parseInt(text) > MOST) {
      throw new DeviceException(
          "the system property " + PROPERTY + " is '" + text + "': it takes 0 to " + MOST,
          Errno.EINVAL);
    }
    return Integer.parseInt(text);
  }
}
