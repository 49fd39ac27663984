// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import ch.qos.logback.core.encoder.Encoder;
import dev.culvert.log.RecentLines;

/** Keeps the newest lines in memory, for {@code culvert bundle}. */
public final class RecentAppender extends AppenderBase<ILoggingEvent> {
  private final Encoder<ILoggingEvent> encoder;
  private final RecentLines lines;

  /**
   * @param encoder of lines, started
   */
  public RecentAppender(Encoder<ILoggingEvent> encoder, RecentLines lines) {
    this.encoder = encoder;
    this.lines = lines;
  }

  @Override
  protected void append(ILoggingEvent line) {
    lines.add(new String(encoder.encode(line), UTF_8).stripTrailing());
  }
}
