// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.lift;

import dev.culvert.cluster.kube.KubeJson;
import dev.culvert.cluster.resource.DaemonSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The change of a DaemonSet of gateways after which its pods lift the guard.
 *
 * <p>The container runs {@code culvert down --stay} instead of the gateway, and answers the
 * gateway's probes: a pod is ready only when its node has no guard any more. Only fields change
 * that every manifest of a gateway has, so if such a manifest is applied again, there are gateways
 * again.
 *
 * @param args of the container from then on
 * @param change as a JSON merge patch
 */
public record LiftPatch(List<String> args, ObjectNode change) {
  private static final String INTERFACE = "CULVERT_INTERFACE";
  private static final String LISTEN = "CULVERT_METRICS_LISTEN";
  private static final String READY = "/readyz";
  private static final List<String> GATEWAY = List.of("up", "--kubernetes");

  /** Of a DaemonSet whose new pods take over from the old ones. */
  private static final List<String> SURGING = List.of("up", "--kubernetes", "--replace");

  public LiftPatch {
    args = List.copyOf(args);
  }

  /**
   * The change of {@code gateways}, which may have been made before.
   *
   * @param defaultInterface of the gateway, if the container has no variable for it
   * @throws IllegalArgumentException if its pods would not lift the guard, or not tell it
   */
  public static LiftPatch of(DaemonSet gateways, String defaultInterface) {
    List<ObjectNode> containers = gateways.spec().template().spec().containers();
    if (containers.size() != 1) {
      throw refusal(gateways, "has " + containers.size() + " containers, not the gateway's alone");
    }
    ObjectNode gateway = containers.getFirst();
    String given = variable(gateway, INTERFACE).path("value").asString("");
    String name = given.isEmpty() ? defaultInterface : given;
    List<String> args = List.of("down", name, "--if-up", "--stay");
    String fault = fault(gateway, args);
    if (fault != null) {
      throw refusal(gateways, fault);
    }
    return new LiftPatch(args, change(gateway, args));
  }

  private static IllegalArgumentException refusal(DaemonSet gateways, String fault) {
    return new IllegalArgumentException(
        "the DaemonSet "
            + gateways.metadata().name()
            + " "
            + fault
            + ". Nothing is changed: make it as daemonset.yaml has it and run this again, or remove"
            + " the guard by hand: docs/operations.md, Back out");
  }

  /** Why these pods would not lift the guard of their gateway, or not tell it; null: they would. */
  private static @Nullable String fault(ObjectNode gateway, List<String> lift) {
    List<String> args = gateway.path("args").valueStream().map(JsonNode::asString).toList();
    if (!gateway.path("command").isEmpty()) {
      return "has a command of its own";
    }
    if (!args.equals(GATEWAY) && !args.equals(SURGING) && !args.equals(lift)) {
      return "has the arguments " + args + " and not " + GATEWAY + " with variables";
    }
    if (!gateway.path("envFrom").isEmpty() || variable(gateway, INTERFACE).has("valueFrom")) {
      return "takes "
          + INTERFACE
          + ", or all variables, from another object, so the interface is not known";
    }
    JsonNode probe = gateway.path("readinessProbe").path("httpGet");
    if (!probe.path("path").asString("").equals(READY)
        || !probe.path("scheme").asString("HTTP").equals("HTTP")) {
      return "has no readinessProbe that asks " + READY + " over HTTP";
    }
    if (variable(gateway, LISTEN).isMissingNode()) {
      return "has no variable " + LISTEN + ", at which its pods would answer the readinessProbe";
    }
    return null;
  }

  /** The last variable of that name, which is the one in force. */
  private static JsonNode variable(ObjectNode container, String name) {
    return container
        .path("env")
        .valueStream()
        .filter(variable -> variable.path("name").asString("").equals(name))
        .reduce((before, after) -> after)
        .orElse(MissingNode.getInstance());
  }

  private static ObjectNode change(ObjectNode gateway, List<String> args) {
    ObjectNode changed = gateway.deepCopy();
    args.forEach(changed.putArray("args")::add);
    ObjectNode patch = KubeJson.MAPPER.createObjectNode();
    ObjectNode spec = patch.putObject("spec");
    // All nodes at once: those with a guard and those without do not reach each other.
    spec.putObject("updateStrategy")
        .put("type", "RollingUpdate")
        .putObject("rollingUpdate")
        .put("maxUnavailable", "100%")
        .put("maxSurge", 0);
    spec.putObject("template").putObject("spec").putArray("containers").add(changed);
    return patch;
  }

  public byte[] json() {
    return KubeJson.MAPPER.writeValueAsBytes(change);
  }
}
