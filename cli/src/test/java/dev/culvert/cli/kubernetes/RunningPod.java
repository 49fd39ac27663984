// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.lab.kubernetes.ApiClient;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Crowd;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Waiting;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A Pod as a kubelet runs it: its container, which is started anew when it ends unless the Pod says
 * Never, and its state in the API.
 */
final class RunningPod {
  private static final Duration STEP = Duration.ofMillis(200);

  private final JsonNode pod;
  private final Namespace node;
  private final ApiClient admin;
  private final ContainerCommand commands;
  private final StringBuilder past = new StringBuilder();
  private final Thread thread;
  private volatile @Nullable Daemon running;
  private volatile boolean stopping;

  RunningPod(JsonNode pod, Namespace node, ApiClient admin, ContainerCommand commands) {
    this.pod = pod;
    this.node = node;
    this.admin = admin;
    this.commands = commands;
    thread = Thread.ofVirtual().name(name()).start(this::run);
  }

  String name() {
    return pod.at("/metadata/name").asText();
  }

  private void run() {
    JsonNode container = pod.at("/spec/containers/0");
    boolean once = pod.at("/spec/restartPolicy").asText().equals("Never");
    while (!stopping) {
      int code = endOf(container);
      if (once) {
        tell(code == 0 ? "Succeeded" : "Failed", false);
        return;
      }
      tell("Running", false);
      Waiting.pause(STEP);
    }
  }

  /** Runs a container to its end, and tells the API when it is ready. */
  private int endOf(JsonNode container) {
    if (stopping) {
      return 1;
    }
    Daemon daemon = node.start(Map.of(), commands.of(container));
    running = daemon;
    if (stopping) {
      daemon.signal("TERM");
    }
    boolean ready = false;
    while (daemon.isAlive()) {
      if (!ready && isReady(container.at("/readinessProbe/httpGet"))) {
        ready = true;
        tell("Running", true);
      }
      Waiting.pause(STEP);
    }
    int code = daemon.awaitEnd(Commands.PATIENCE);
    synchronized (past) {
      past.append(container.path("args")).append(" ended with ").append(code).append('\n');
      past.append(daemon.output());
    }
    running = null;
    return code;
  }

  private boolean isReady(JsonNode probe) {
    if (probe.isMissingNode()) {
      return true;
    }
    String url =
        "http://%s:%s%s"
            .formatted(
                probe.path("host").asText(),
                probe.path("port").asText(),
                probe.path("path").asText());
    return node.attempt("curl", "--silent", "--fail", "--max-time", Crowd.seconds(2), url)
        .succeeded();
  }

  private void tell(String phase, boolean ready) {
    admin.patch(
        Kubelets.PODS + "/" + name() + "/status",
        """
        {"status": {"phase": "%s", "conditions": [{"type": "Ready", "status": "%s"}]}}
        """
            .formatted(phase, ready ? "True" : "False"));
  }

  /** Whether a program of it runs. */
  boolean isRunning() {
    return running != null;
  }

  /** Ends it, as for a Pod that is deleted. */
  void stop() {
    stopping = true;
    Daemon daemon = running;
    if (daemon != null && daemon.isAlive()) {
      daemon.signal("TERM");
    }
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Its arguments and all output, for the message of a test that failed. */
  String output() {
    Daemon daemon = running;
    synchronized (past) {
      return String.join(
          "\n", List.of(name(), past, daemon == null ? "(does not run)" : daemon.output()));
    }
  }
}
