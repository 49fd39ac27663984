// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.AdminMessage.Request;
import dev.culvert.daemon.admin.AdminMessage.Response;
import dev.culvert.daemon.admin.AuditView;
import dev.culvert.daemon.admin.DiagnosticsView;
import dev.culvert.daemon.admin.Json;
import dev.culvert.daemon.admin.OverviewView;
import dev.culvert.daemon.admin.RedactedConfig;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.steer.GatewayPlan;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.log.RecentLines;
import dev.culvert.tunnel.gateway.DeviceException;
import java.io.IOException;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Answers the questions that arrive on a gateway's admin socket, each question from one state. */
final class AdminAnswers {
  private static final EventLog log = EventLog.of(AdminAnswers.class);

  private final Supplier<GatewayState> state;
  private final Supplier<OverviewView> overview;
  private final Reload reload;
  private final Runnable stop;
  private final Metrics metrics;
  private final Supplier<@Nullable Upgrade> upgrade;
  private volatile boolean keysTold;

  /** Reads the configuration again. */
  interface Reload {
    void run() throws ConfigException, IOException;
  }

  /** The series of metrics in Prometheus' text format; null if there is no endpoint. */
  interface Metrics {
    @Nullable String text();
  }

  /**
   * @param state the state in force
   * @param overview the gateway as its page shows it
   * @param stop starts the end of the gateway and returns at once
   * @param upgrade starts another process that is to take over; null if that is not possible here
   */
  AdminAnswers(
      Supplier<GatewayState> state,
      Supplier<OverviewView> overview,
      Reload reload,
      Runnable stop,
      Metrics metrics,
      Supplier<@Nullable Upgrade> upgrade) {
    this.state = state;
    this.overview = overview;
    this.reload = reload;
    this.stop = stop;
    this.metrics = metrics;
    this.upgrade = upgrade;
  }

  Response answer(Request request) {
    try {
      return switch (request.command()) {
        case STATUS -> status();
        case RELOAD -> {
          reload.run();
          yield status();
        }
        case ROUTES -> routes(state.get(), request.arguments());
        case AUDIT -> audit(state.get());
        case OVERVIEW -> Response.of(overview.get());
        case KEYLOG -> keyLog(state.get());
        case DIAGNOSTICS -> diagnostics(state.get());
        case ACCEPT_HELD -> {
          acceptHeld(state.get());
          yield status();
        }
        case UPGRADE -> {
          startUpgrade();
          yield status();
        }
        case STOP -> {
          stop.run();
          yield Response.done();
        }
      };
    } catch (ConfigException | IOException | RuntimeException e) {
      if (e instanceof DeviceException device && device.isClosed()) {
        return Response.ofEnding();
      }
      log.warn(
          LogEvent.COMMAND_FAILED,
          "{} failed: {}",
          request.command(),
          Field.reason(e.getMessage()));
      return Response.failed(String.valueOf(e.getMessage()));
    }
  }

  private Response status() throws DeviceException {
    Upgrade last = upgrade.get();
    return Response.of(state.get().view(last == null ? null : last.view()));
  }

  private void startUpgrade() throws IOException {
    Upgrade successors = upgrade.get();
    if (successors == null) {
      throw new IOException("this gateway cannot start another process: use 'up --replace'");
    }
    successors.start();
  }

  private static Response routes(GatewayState now, @Nullable List<String> ends) throws IOException {
    GatewayPlan plan = now.requireKernel().plan(now.config());
    return Response.of(plan.routes(ends == null ? List.of() : ends));
  }

  private static void acceptHeld(GatewayState now) throws IOException {
    ApiDiscovery api = now.api();
    if (api == null) {
      throw new IOException(now.config().interfaceName() + " does not follow the Kubernetes API");
    }
    api.acceptHeld();
  }

  /** Each part on its own, since they are wanted most when something does not work. */
  private Response diagnostics(GatewayState now) {
    return Response.of(
        new DiagnosticsView(
            Observation.version(),
            part("threads", ThreadDump::now, reason -> reason),
            part("configuration", () -> RedactedConfig.of(now.config()), Json::pretty),
            part("log", () -> RecentLines.ofProcess().lines(), List::of),
            part("metrics", metrics::text, reason -> "# " + reason + "\n")));
  }

  /**
   * A part of the diagnostics, or why it is missing.
   *
   * @param instead makes a part of the reason
   */
  private static <T> T part(String name, Supplier<T> gather, Function<String, T> instead) {
    try {
      return gather.get();
    } catch (RuntimeException e) {
      log.warn(LogEvent.COMMAND_FAILED, "DIAGNOSTICS without its {}: {}", name, Field.reason(e));
      return instead.apply("the " + name + " could not be gathered: " + e);
    }
  }

  private static Response audit(GatewayState now) throws IOException {
    AuditView audit =
        now.requireKernel().audit(now.config(), now.requireRunning().tunnel().status());
    return Response.of(audit);
  }

  private Response keyLog(GatewayState now) throws IOException {
    if (!keysTold) {
      keysTold = true;
      log.warn(
          LogEvent.KEYS_READ,
          "{}: an administrator reads the keys (culvert keylog, or capture --with-secrets)",
          Field.tunnel(now.config().interfaceName()));
    }
    return Response.of(now.requireRunning().keyLog());
  }
}
