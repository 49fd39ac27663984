package dev.culvert.cli.command;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ConfiguratorRank;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.spi.ContextAwareBase;
import java.util.Locale;
import java.util.Objects;
import org.slf4j.LoggerFactory;

/** Logs short lines to standard error. In code: reading XML would slow every start. */
@ConfiguratorRank(ConfiguratorRank.CUSTOM_HIGH_PRIORITY)
public final class Logging extends ContextAwareBase implements Configurator {
  private static final String OURS = "dev.culvert";

  @Override
  public ExecutionStatus configure(LoggerContext context) {
    PatternLayoutEncoder encoder = new PatternLayoutEncoder();
    encoder.setContext(context);
    encoder.setPattern("%d{yyyy-MM-dd HH:mm:ss.SSS} %-5level %msg%n%rEx{short}");
    encoder.start();
    ConsoleAppender<ILoggingEvent> console = new ConsoleAppender<>();
    console.setContext(context);
    console.setTarget("System.err");
    console.setEncoder(encoder);
    console.start();
    Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    root.addAppender(console);
    root.setLevel(Level.WARN);
    context.getLogger(OURS).setLevel(level(Level.WARN));
    return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
  }

  /** Whether the user named a level that shows anything, so that a daemon keeps its terminal. */
  static boolean isAsked() {
    String level = System.getenv("LOG_LEVEL");
    return level != null && !level.isEmpty() && !level.equals("silent");
  }

  /** What a command that runs on shows unless the user named a level. */
  static void daemonDefault(Level byDefault) {
    if (LoggerFactory.getILoggerFactory() instanceof LoggerContext context) {
      context.getLogger(OURS).setLevel(level(byDefault));
    }
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
