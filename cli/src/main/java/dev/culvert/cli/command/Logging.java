// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.filter.ThresholdFilter;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ConfiguratorRank;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.read.CyclicBufferAppender;
import ch.qos.logback.core.rolling.FixedWindowRollingPolicy;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy;
import ch.qos.logback.core.spi.ContextAwareBase;
import ch.qos.logback.core.util.FileSize;
import dev.culvert.cli.command.log.Journal;
import dev.culvert.cli.command.log.LibraryLimit;
import dev.culvert.cli.command.log.LogFormat;
import dev.culvert.cli.command.log.RecentAppender;
import dev.culvert.log.LineLimit;
import dev.culvert.log.RecentLines;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/**
 * Logs short lines to standard error, or to a file once there is no terminal. It is configured in
 * code, since reading XML would slow every start; and by option and environment, not by the
 * configuration file, since a refused file has to be logged in the wanted format too.
 */
@ConfiguratorRank(ConfiguratorRank.CUSTOM_HIGH_PRIORITY)
public final class Logging extends ContextAwareBase implements Configurator {
  private static final String OURS = "dev.culvert";

  /** The directory of the log files of gateways without a terminal. */
  private static final Path FOLDER = Path.of("/var/log/culvert");

  private static final FileSize LARGEST = new FileSize(FileSize.MB_COEFFICIENT);

  private static final String CONSOLE = "console";
  private static final String RECENT = "recent";
  private static final String KEPT = "kept";

  /** The format of a command that runs on; until one asks for it, text. */
  private static volatile LogFormat format = LogFormat.TEXT;

  @Override
  public ExecutionStatus configure(LoggerContext context) {
    Logger root = root(context);
    root.addAppender(console(context));
    root.setLevel(Level.WARN);
    context.getLogger(OURS).setLevel(level(Level.WARN));
    return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
  }

  private static Logger root(LoggerContext context) {
    return context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
  }

  private static ConsoleAppender<ILoggingEvent> console(LoggerContext context) {
    ConsoleAppender<ILoggingEvent> console = new ConsoleAppender<>();
    console.setName(CONSOLE);
    console.setContext(context);
    console.setTarget("System.err");
    console.setEncoder(format.encoder(context, Journal.hasStandardError()));
    console.start();
    return console;
  }

  /** Whether the user set a level that shows messages, so that a daemon keeps its terminal. */
  static boolean isAsked() {
    String level = System.getenv("LOG_LEVEL");
    return level != null && !level.isEmpty() && !level.equals("silent");
  }

  /** Whether a command runs on whose log is JSON, so that its last words are to be JSON too. */
  static boolean isJson() {
    return format == LogFormat.JSON;
  }

  /**
   * Sets format and level for a command that runs on, and keeps its newest lines.
   *
   * @param byDefault the level, unless the user set one
   */
  static void daemon(LogFormat wanted, Level byDefault) {
    if (!(LoggerFactory.getILoggerFactory() instanceof LoggerContext context)) {
      return;
    }
    format = wanted;
    Logger root = root(context);
    root.detachAppender(CONSOLE);
    root.addAppender(console(context));
    root.detachAppender(RECENT);
    RecentAppender recent =
        new RecentAppender(wanted.encoder(context, false), RecentLines.ofProcess());
    recent.setName(RECENT);
    recent.setContext(context);
    recent.start();
    root.addAppender(recent);
    context.getLogger(OURS).setLevel(level(byDefault));
    takeInLibraries(context);
  }

  /**
   * Libraries that log by other means, as that of the metrics does, would write to standard error
   * in a form of their own.
   */
  private static void takeInLibraries(LoggerContext context) {
    context.resetTurboFilterList();
    context.addTurboFilter(new LibraryLimit(OURS, LineLimit.ofProcess()));
    if (!SLF4JBridgeHandler.isInstalled()) {
      SLF4JBridgeHandler.removeHandlersForRootLogger();
      SLF4JBridgeHandler.install();
    }
  }

  /** Lets the terminal have warnings and errors alone, and keeps all lines for {@link #toFile}. */
  static void beforeFile() {
    if (LoggerFactory.getILoggerFactory() instanceof LoggerContext context) {
      ThresholdFilter warnings = new ThresholdFilter();
      warnings.setLevel(Level.WARN.levelStr);
      warnings.start();
      root(context).getAppender(CONSOLE).addFilter(warnings);
      CyclicBufferAppender<ILoggingEvent> kept = new CyclicBufferAppender<>();
      kept.setName(KEPT);
      kept.setContext(context);
      kept.start();
      root(context).addAppender(kept);
    }
  }

  /**
   * Makes a gateway that leaves its terminal log into {@code /var/log/culvert/INTERFACE.log},
   * beginning with the lines so far; a second file holds the megabyte before. Until here another
   * process may have served the gateway and written into the file. If the file cannot be written,
   * Logback says so on standard error, which is still the terminal.
   */
  static void toFile(String interfaceName) {
    if (!(LoggerFactory.getILoggerFactory() instanceof LoggerContext context)) {
      return;
    }
    String file = file(interfaceName).toString();
    RollingFileAppender<ILoggingEvent> appender = new RollingFileAppender<>();
    appender.setContext(context);
    appender.setFile(file);
    appender.setEncoder(format.encoder(context, false));
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
    if (root(context).getAppender(KEPT) instanceof CyclicBufferAppender<ILoggingEvent> kept) {
      for (int i = 0; i < kept.getLength(); i++) {
        appender.doAppend(kept.get(i));
      }
      root(context).detachAppender(kept);
    }
    root(context).addAppender(appender);
    context.getLogger(OURS).setLevel(Level.INFO);
  }

  /** The log of a gateway that has left its terminal. */
  public static Path file(String interfaceName) {
    return FOLDER.resolve(interfaceName + ".log");
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
