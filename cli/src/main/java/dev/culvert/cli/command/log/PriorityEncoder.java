// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;

/**
 * Text whose every line, those of stack traces too, begins with its priority in the form of
 * sd-daemon(3): the journal then knows levels.
 */
final class PriorityEncoder extends PatternLayoutEncoder {
  @Override
  public byte[] encode(ILoggingEvent line) {
    String prefix = "<" + priority(line.getLevel()) + ">";
    StringBuilder text = new StringBuilder();
    getLayout()
        .doLayout(line)
        .lines()
        .forEach(each -> text.append(prefix).append(each).append('\n'));
    return text.toString().getBytes(UTF_8);
  }

  /** The priority of syslog(3), 3 (error) to 7 (debug). */
  private static int priority(Level level) {
    if (level.isGreaterOrEqual(Level.ERROR)) {
      return 3;
    }
    if (level.isGreaterOrEqual(Level.WARN)) {
      return 4;
    }
    return level.isGreaterOrEqual(Level.INFO) ? 6 : 7;
  }
}
