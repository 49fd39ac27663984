// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ConfiguratorRank;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.rolling.FixedWindowRollingPolicy;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy;
import ch.qos.logback.core.spi.ContextAwareBase;
import ch.qos.logback.core.util.FileSize;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import org.slf4j.LoggerFactory;

/**
 * Logs short lines to standard error, or to a file once there is no terminal. It is configured in
 * code, since reading XML would slow every start.
 */
@ConfiguratorRank(ConfiguratorRank.CUSTOM_HIGH_PRIORITY)
public final class Logging extends ContextAwareBase implements Configurator {
  private static final String OURS = "dev.culvert";

  /** The directory of the log files of gateways without a terminal. */
  private static final Path FOLDER = Path.of("/var/log/culvert");

  private static final FileSize LARGEST = new FileSize(FileSize.MB_COEFFICIENT);

  @Override
  public ExecutionStatus configure(LoggerContext context) {
    ConsoleAppender<ILoggingEvent> console = new ConsoleAppender<>();
    console.setContext(context);
    console.setTarget("System.err");
    console.setEncoder(encoder(context));
    console.start();
    Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    root.addAppender(console);
    root.setLevel(Level.WARN);
    context.getLogger(OURS).setLevel(level(Level.WARN));
    return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
  }

  /** Whether the user set a level that shows messages, so that a daemon keeps its terminal. */
  static boolean isAsked() {
    String level = System.getenv("LOG_LEVEL");
    return level != null && !level.isEmpty() && !level.equals("silent");
  }

  /** Sets the level for a command that runs on, unless the user set a level. */
  public static void daemonDefault(Level byDefault) {
    if (LoggerFactory.getILoggerFactory() instanceof LoggerContext context) {
      context.getLogger(OURS).setLevel(level(byDefault));
    }
  }

  /**
   * Makes a gateway that leaves its terminal log into {@code /var/log/culvert/INTERFACE.log}; a
   * second file holds the megabyte before. If the file cannot be written, Logback says so on
   * standard error, which is still the terminal.
   */
  static void toFile(String interfaceName) {
    if (!(LoggerFactory.getILoggerFactory() instanceof LoggerContext context)) {
      return;
    }
    String file = FOLDER.resolve(interfaceName + ".log").toString();
    RollingFileAppender<ILoggingEvent> appender = new RollingFileAppender<>();
    appender.setContext(context);
    appender.setFile(file);
    appender.setEncoder(encoder(context));
    FixedWindowRollingPolicy keptFiles = new FixedWindowRollingPolicy();
    keptFiles.setContext(context);
    keptFiles.setParent(appender);
    keptFiles.setFileNamePattern(file + ".%i");
    keptFiles.setMinIndex(1);
    keptFiles.setMaxIndex(1);
    keptFiles.start();
    SizeBasedTriggeringPolicy<ILoggingEvent> size = new SizeBasedTriggeringPolicy<>();
    size.setContext(context);
    size.setMaxFileSize(LARGEST);
    size.start();
    appender.setRollingPolicy(keptFiles);
    appender.setTriggeringPolicy(size);
    appender.start();
    context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME).addAppender(appender);
    context.getLogger(OURS).setLevel(Level.INFO);
  }

  private static PatternLayoutEncoder encoder(LoggerContext context) {
    PatternLayoutEncoder encoder = new PatternLayoutEncoder();
    encoder.setContext(context);
    encoder.setPattern("%d{yyyy-MM-dd HH:mm:ss.SSS} %-5level %msg%n%rEx{short}");
    encoder.start();
    return encoder;
  }

  private static Level level(Level byDefault) {
    String name = Objects.requireNonNullElse(System.getenv("LOG_LEVEL"), "");
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "silent" -> Level.OFF;
      case "error" -> Level.ERROR;
      case "info" -> Level.INFO;
      case "verbose", "debug" -> Level.DEBUG;
      default -> byDefault;
    };
  }
}
