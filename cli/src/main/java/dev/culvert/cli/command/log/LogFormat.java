// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.log;

import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Context;
import ch.qos.logback.core.encoder.Encoder;
import java.util.Locale;
import java.util.Objects;

/** The forms of the log. */
public enum LogFormat {
  /** Lines for people. */
  TEXT,
  /** One JSON object per line. */
  JSON;

  /** The variable that sets the format if no option does. */
  public static final String VARIABLE = "LOG_FORMAT";

  /** Control characters of a message must not order a terminal, nor begin a line of their own. */
  static final String PATTERN =
      "%d{yyyy-MM-dd HH:mm:ss.SSS} %-5level %replace(%msg){'\\p{Cc}+', ' '}%n%rEx{short}";

  /**
   * The format that a value of {@link #VARIABLE} asks for; text if it is null or empty.
   *
   * @throws IllegalArgumentException if there is no such format; the message says which there are
   */
  public static LogFormat parse(String value) {
    return switch (value.toLowerCase(Locale.ROOT)) {
      case "", "text" -> TEXT;
      case "json" -> JSON;
      default ->
          throw new IllegalArgumentException(
              VARIABLE + " is '" + value + "': set it to text or json");
    };
  }

  /** The value of {@link #VARIABLE}, empty if it is not set. */
  public static String asked() {
    return Objects.requireNonNullElse(System.getenv(VARIABLE), "");
  }

  /**
   * An encoder, started.
   *
   * @param priorities whether each line of text begins with its priority, for systemd's journal
   */
  public Encoder<ILoggingEvent> encoder(Context context, boolean priorities) {
    if (this == JSON) {
      JsonEncoder json = new JsonEncoder();
      json.setContext(context);
      json.start();
      return json;
    }
    PatternLayoutEncoder text = priorities ? new PriorityEncoder() : new PatternLayoutEncoder();
    text.setContext(context);
    text.setPattern(PATTERN);
    text.start();
    return text;
  }
}
