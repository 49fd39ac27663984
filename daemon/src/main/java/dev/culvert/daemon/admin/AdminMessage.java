// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The messages on the admin socket: one JSON object per line, and one answer to each request. */
public final class AdminMessage {
  private AdminMessage() {}

  /** The questions and orders that a running gateway takes. */
  public enum Command {
    STATUS,
    RELOAD,
    /** The plan. With a source and a destination as arguments, also the fate of such a packet. */
    ROUTES,
    /** The counts of the packets so far, by outcome. */
    AUDIT,
    /** All that the page shows. */
    OVERVIEW,
    /** Lists of the Kubernetes API that are held back are believed. */
    ACCEPT_HELD,
    /** The installed program is started, and takes over. */
    UPGRADE,
    STOP,
    KEYLOG,
    /** The newest lines of the log, threads, configuration and metrics, without secrets. */
    DIAGNOSTICS
  }

  /** A request. */
  public record Request(Command command, @Nullable List<String> arguments) {}

  /**
   * The answer to a request.
   *
   * @param error why the command failed, null if it did not
   * @param ending true if the gateway is about to end, so that it has no answer
   * @param gateway the gateway after the command; null on failure and after STOP and KEYLOG
   * @param routes the answer to ROUTES
   * @param audit the answer to AUDIT
   * @param overview the answer to OVERVIEW
   * @param keyLog lines for Wireshark, which are secret; only after KEYLOG
   * @param diagnostics the answer to DIAGNOSTICS
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Response(
      @Nullable String error,
      @Nullable Boolean ending,
      @Nullable GatewayView gateway,
      @Nullable RoutesView routes,
      @Nullable AuditView audit,
      @Nullable OverviewView overview,
      @Nullable List<String> keyLog,
      @Nullable DiagnosticsView diagnostics) {
    /** An answer that only says that the command was done. */
    public static Response done() {
      return new Response(null, null, null, null, null, null, null, null);
    }

    public static Response failed(String error) {
      return new Response(error, null, null, null, null, null, null, null);
    }

    public static Response of(GatewayView gateway) {
      return new Response(null, null, gateway, null, null, null, null, null);
    }

    public static Response of(RoutesView routes) {
      return new Response(null, null, null, routes, null, null, null, null);
    }

    public static Response of(AuditView audit) {
      return new Response(null, null, null, null, audit, null, null, null);
    }

    public static Response of(OverviewView overview) {
      return new Response(null, null, null, null, null, overview, null, null);
    }

    public static Response of(List<String> keyLog) {
      return new Response(null, null, null, null, null, null, keyLog, null);
    }

    public static Response of(DiagnosticsView diagnostics) {
      return new Response(null, null, null, null, null, null, null, diagnostics);
    }

    public static Response ofEnding() {
      return new Response(null, true, null, null, null, null, null, null);
    }

    /** Leaves the key log out, since it is secret, and the diagnostics, since they are long. */
    @Override
    public String toString() {
      return "Response[error="
          + error
          + ", ending="
          + ending
          + ", gateway="
          + gateway
          + ", routes="
          + routes
          + ", audit="
          + audit
          + ", overview="
          + overview
          + "]";
    }
  }
}
