// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.lift;

import dev.culvert.cluster.kube.KubeJson;
import dev.culvert.cluster.resource.DaemonSet;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The change of a DaemonSet of gateways after which its pods lift the guard.
 *
 * <p>An init container runs {@code culvert down}, so a pod is ready only when its node has no guard
 * any more. The controller starts it when the node's gateway has ended. The container then stays,
 * since a DaemonSet's pod is started anew when it ends; it holds nothing and does nothing.
 */
public final class LiftPatch {
  /** The name of the init container. */
  public static final String CONTAINER = "lift";

  private static final String INTERFACE = "CULVERT_INTERFACE";
  private static final List<String> OF_A_GATEWAY =
      List.of("startupProbe", "readinessProbe", "livenessProbe", "lifecycle", "ports");

  private LiftPatch() {}

  /**
   * The change as a JSON merge patch.
   *
   * @param defaultInterface of the gateway, if the container has no variable for it
   * @throws IllegalArgumentException if the pods have other containers than the gateway's
   */
  public static byte[] of(DaemonSet gateways, String defaultInterface) {
    List<ObjectNode> containers = gateways.spec().template().spec().containers();
    if (containers.size() != 1) {
      throw new IllegalArgumentException(
          gateways.metadata().name()
              + " has "
              + containers.size()
              + " containers, and not the gateway's alone: lift the guard by 'culvert down' on each"
              + " node");
    }
    ObjectNode stays = containers.getFirst().deepCopy();
    stays.remove("command");
    OF_A_GATEWAY.forEach(stays::remove);
    ArrayNode arguments = stays.putArray("args");
    arguments.add("down").add(interfaceOf(stays, defaultInterface)).add("--if-up");
    ObjectNode lifts = stays.deepCopy();
    lifts.put("name", CONTAINER);
    arguments.add("--stay");

    ObjectNode patch = KubeJson.MAPPER.createObjectNode();
    ObjectNode spec = patch.putObject("spec");
    // All nodes at once: those with a guard and those without do not reach each other.
    spec.putObject("updateStrategy")
        .put("type", "RollingUpdate")
        .putObject("rollingUpdate")
        .put("maxUnavailable", "100%")
        .put("maxSurge", 0);
    ObjectNode pod = spec.putObject("template").putObject("spec");
    pod.putArray("initContainers").add(lifts);
    pod.putArray("containers").add(stays);
    return KubeJson.MAPPER.writeValueAsBytes(patch);
  }

  private static String interfaceOf(ObjectNode container, String otherwise) {
    for (JsonNode variable : container.path("env")) {
      String value = variable.path("value").asString("");
      if (variable.path("name").asString("").equals(INTERFACE) && !value.isEmpty()) {
        return value;
      }
    }
    return otherwise;
  }
}
