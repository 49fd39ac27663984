package dev.culvert.cli.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the admin socket carries: one JSON object a line, each request with one answer. */
public sealed interface AdminMessage {
  /** What can be asked of a running gateway. */
  enum Command {
    STATUS,
    RELOAD,
    STOP,
    KEYLOG
  }

  /** A question. */
  record Request(Command command) implements AdminMessage {}

  /**
   * Its answer.
   *
   * @param error why it failed, null where it did not
   * @param gateway the gateway after the command; null on failure and after STOP and KEYLOG
   * @param keyLog lines for Wireshark, which are secret; only after KEYLOG
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Response(
      @Nullable String error, @Nullable GatewayView gateway, @Nullable List<String> keyLog)
      implements AdminMessage {
    public Response(@Nullable String error, @Nullable GatewayView gateway) {
      this(error, gateway, null);
    }

    /** Without the key log. */
    @Override
    public String toString() {
      return "Response[error=" + error + ", gateway=" + gateway + "]";
    }
  }
}
