package dev.culvert.cli.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;

/** What the admin socket carries: one JSON object a line, each request with one answer. */
public sealed interface AdminMessage {
  /** What can be asked of a running gateway. */
  enum Command {
    STATUS,
    RELOAD,
    STOP
  }

  /** A question. */
  record Request(Command command) implements AdminMessage {}

  /**
   * Its answer.
   *
   * @param error why it failed, null where it did not
   * @param gateway the gateway after the command; null on failure and after STOP
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Response(@Nullable String error, @Nullable GatewayView gateway) implements AdminMessage {}
}
