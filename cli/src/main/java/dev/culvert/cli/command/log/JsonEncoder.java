// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.log;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.KeyValuePair;

/**
 * One JSON object per line: time, level, message, logger, thread, event, then the fields of the
 * event, then the stack trace if there is one. Logback's own encoder has other names.
 */
final class JsonEncoder extends EncoderBase<ILoggingEvent> {
  private static final byte[] NOTHING = {};

  /** RFC 3339, in UTC, always with milliseconds. */
  private static final DateTimeFormatter TIME =
      new DateTimeFormatterBuilder().appendInstant(3).toFormatter();

  private final JsonFactory json = new JsonFactory();

  @Override
  public byte[] headerBytes() {
    return NOTHING;
  }

  @Override
  public byte[] footerBytes() {
    return NOTHING;
  }

  @Override
  public byte[] encode(ILoggingEvent line) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(512);
    try (JsonGenerator to = json.createGenerator(out)) {
      write(line, to);
    } catch (IOException e) {
      throw new UncheckedIOException("memory is always writable", e);
    }
    out.write('\n');
    return out.toByteArray();
  }

  private static void write(ILoggingEvent line, JsonGenerator to) throws IOException {
    to.writeStartObject();
    to.writeStringField("time", TIME.format(line.getInstant()));
    to.writeStringField("level", line.getLevel().toString());
    to.writeStringField("message", line.getFormattedMessage());
    to.writeStringField("logger", line.getLoggerName());
    to.writeStringField("thread", line.getThreadName());
    List<KeyValuePair> fields = line.getKeyValuePairs();
    if (fields == null || fields.stream().noneMatch(field -> field.key.equals(EventLog.EVENT))) {
      to.writeStringField(EventLog.EVENT, LogEvent.LIBRARY.id());
    }
    if (fields != null) {
      for (KeyValuePair field : fields) {
        to.writeFieldName(field.key);
        value(field.value, to);
      }
    }
    IThrowableProxy thrown = line.getThrowableProxy();
    if (thrown != null) {
      to.writeStringField("exception", ThrowableProxyUtil.asString(thrown));
    }
    to.writeEndObject();
  }

  /** Numbers stay numbers, so that programs can compare them. */
  private static void value(@Nullable Object value, JsonGenerator to) throws IOException {
    switch (value) {
      case null -> to.writeNull();
      case Integer number -> to.writeNumber(number);
      case Long number -> to.writeNumber(number);
      default -> to.writeString(value.toString());
    }
  }
}
