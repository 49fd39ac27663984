// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the admin socket carries: one JSON object a line, each request with one answer. */
public final class AdminMessage {
  private AdminMessage() {}

  /** What can be asked of a running gateway. */
  public enum Command {
    STATUS,
    RELOAD,
    /** The plan; with a source and a destination as arguments, what would become of a packet. */
    ROUTES,
    /** What became of the packets so far. */
    AUDIT,
    STOP,
    KEYLOG
  }

  /** A question. */
  public record Request(Command command, @Nullable List<String> arguments) {}

  /**
   * Its answer.
   *
   * @param error why it failed, null if it did not
   * @param gateway the gateway after the command; null on failure and after STOP and KEYLOG
   * @param routes the answer to ROUTES
   * @param audit the answer to AUDIT
   * @param keyLog lines for Wireshark, which are secret; only after KEYLOG
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Response(
      @Nullable String error,
      @Nullable GatewayView gateway,
      @Nullable RoutesView routes,
      @Nullable AuditView audit,
      @Nullable List<String> keyLog) {
    /** Nothing but that it was done. */
    public static Response done() {
      return new Response(null, null, null, null, null);
    }

    public static Response failed(String error) {
      return new Response(error, null, null, null, null);
    }

    public static Response of(GatewayView gateway) {
      return new Response(null, gateway, null, null, null);
    }

    /** Without the key log. */
    @Override
    public String toString() {
      return "Response[error="
          + error
          + ", gateway="
          + gateway
          + ", routes="
          + routes
          + ", audit="
          + audit
          + "]";
    }
  }
}
