// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.lab.kubernetes.ApiAnswer;
import dev.culvert.lab.kubernetes.ApiClient;
import dev.culvert.lab.kubernetes.ClusterObjects;
import dev.culvert.lab.kubernetes.ControlPlane;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * The scheduler and the kubelets of nodes in namespaces, for the namespace culvert: they run the
 * Pods that the API server has, as it has them.
 */
final class Kubelets implements AutoCloseable {
  static final String PODS = "/api/v1/namespaces/" + ClusterObjects.NAMESPACE + "/pods";
  private static final Duration STEP = Duration.ofMillis(200);

  private final ControlPlane plane;
  private final ApiClient admin;
  private final ClusterObjects objects;
  private final Path folder;
  private final Map<String, Namespace> nodes = new TreeMap<>();
  private final Map<String, RunningPod> pods = new ConcurrentHashMap<>();
  private final Thread thread;
  private volatile boolean held;
  private volatile String away = "";
  private volatile String trouble = "";
  private volatile boolean closing;

  /**
   * Begins.
   *
   * @param nodes by name, the control plane first
   * @param folder for the files of nodes and pods
   */
  Kubelets(ControlPlane plane, Map<String, Namespace> nodes, Path folder) {
    this.plane = plane;
    this.folder = folder;
    this.nodes.putAll(nodes);
    admin = plane.admin();
    objects = new ClusterObjects(admin);
    thread = Thread.ofPlatform().name("kubelets").start(this::run);
  }

  private void run() {
    while (!closing) {
      ApiAnswer answer = admin.get(PODS);
      if (answer.succeeded()) {
        answer.body().path("items").forEach(this::attempt);
      }
      Waiting.pause(STEP);
    }
  }

  /**
   * Looks at a Pod again in the next round if that fails, as while its account is not there yet.
   */
  private void attempt(JsonNode pod) {
    try {
      look(pod);
    } catch (LabException e) {
      trouble = pod.at("/metadata/name").asText() + ": " + e.getMessage() + "\n";
    }
  }

  private void look(JsonNode pod) {
    String uid = pod.at("/metadata/uid").asText();
    String node = pod.at("/spec/nodeName").asText();
    if (!node.isEmpty() && node.equals(away)) {
      return;
    }
    if (!pod.at("/metadata/deletionTimestamp").isMissingNode()) {
      end(pod);
    } else if (node.isEmpty()) {
      schedule(pod);
    } else if (!held
        && !pods.containsKey(uid)
        && pod.at("/status/phase").asText().equals("Pending")) {
      pods.put(
          uid,
          new RunningPod(
              pod, Objects.requireNonNull(nodes.get(node), node), admin, commands(pod, node)));
    }
  }

  private void end(JsonNode pod) {
    RunningPod running = pods.remove(pod.at("/metadata/uid").asText());
    if (running != null) {
      running.stop();
    }
    objects.deletePod(pod.at("/metadata/name").asText());
  }

  /** Binds a Pod to the node that it names, or to the first one, which is the control plane. */
  private void schedule(JsonNode pod) {
    String name = pod.at("/metadata/name").asText();
    JsonNode fields =
        pod.at(
            "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution"
                + "/nodeSelectorTerms/0/matchFields/0/values/0");
    String node = fields.isMissingNode() ? nodes.keySet().iterator().next() : fields.asText();
    admin.create(
        PODS + "/" + name + "/binding",
        """
        {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "%s"},
         "target": {"apiVersion": "v1", "kind": "Node", "name": "%s"}}
        """
            .formatted(name, node));
  }

  private ContainerCommand commands(JsonNode pod, String node) {
    String name = pod.at("/metadata/name").asText();
    Path own = folder.resolve("pods").resolve(name);
    Path account = own.resolve("account");
    String token =
        objects.podToken(
            name, pod.at("/metadata/uid").asText(), pod.at("/spec/serviceAccountName").asText());
    try {
      Files.createDirectories(account);
      Files.writeString(account.resolve("token"), token);
      Files.copy(plane.authority(), account.resolve("ca.crt"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new ContainerCommand(pod, folder.resolve(node), own, account);
  }

  /** Starts no new Pod while it holds. */
  void hold(boolean now) {
    held = now;
  }

  /** The kubelet of a node does nothing from now on, though its programs run; empty: none. */
  void away(String node) {
    away = node;
  }

  /** Whether a program of a Pod runs on any node. */
  boolean anyRuns() {
    return pods.values().stream().anyMatch(RunningPod::isRunning);
  }

  /** For the message of a test that failed. */
  String output() {
    return trouble
        + pods.values().stream().map(RunningPod::output).collect(Collectors.joining("\n"));
  }

  @Override
  public void close() {
    closing = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException("interrupted", e);
    }
    pods.values().forEach(RunningPod::stop);
  }
}
