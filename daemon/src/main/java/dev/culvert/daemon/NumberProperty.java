// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.kernel.Errno;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A system property of the JVM whose value is a number from 0 on. */
enum NumberProperty {
  /** The number of threads that share the lanes' ciphering. */
  HELPERS("culvert.helpers", 64),

  /**
   * The longest time that a successor rehearses, and that it comes second before, in seconds; 0 for
   * neither.
   */
  REHEARSAL("culvert.rehearsal", 600),

  /**
   * The longest time of each rehearsal of a gateway after its start, in seconds; 0 for no
   * rehearsal.
   */
  START_REHEARSAL("culvert.start.rehearsal", 600);

  /**
   * The longest time of a rehearsal by default; on an idle machine it ends within a few seconds.
   */
  private static final int USUAL_REHEARSAL = 60;

  private final String property;
  private final int most;

  NumberProperty(String property, int most) {
    this.property = property;
    this.most = most;
  }

  /**
   * The value.
   *
   * @param absent the result if the property is not set
   * @throws DeviceException if it is no such number
   */
  int orElse(int absent) throws DeviceException {
    return parse(System.getProperty(property), absent);
  }

  static Duration longestRehearsal() throws DeviceException {
    return Duration.ofSeconds(REHEARSAL.orElse(USUAL_REHEARSAL));
  }

  static Duration longestStartRehearsal() throws DeviceException {
    return Duration.ofSeconds(START_REHEARSAL.orElse(USUAL_REHEARSAL));
  }

  /**
   * Checks all of them.
   *
   * @throws DeviceException if one is no such number
   */
  static void requireAll() throws DeviceException {
    for (NumberProperty property : values()) {
      property.orElse(0);
    }
  }

  int parse(@Nullable String text, int absent) throws DeviceException {
    if (text == null) {
      return absent;
    }
    if (!text.matches("[0-9]{1,3}") || Integer.parseInt(text) > most) {
      throw new DeviceException(
          "the system property " + property + " is '" + text + "': it takes 0 to " + most,
          Errno.EINVAL);
    }
    return Integer.parseInt(text);
  }
}
