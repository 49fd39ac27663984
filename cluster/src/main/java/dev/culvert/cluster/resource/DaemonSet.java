// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** A DaemonSet, in the part that a change of its pods needs. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record DaemonSet(Metadata metadata, Spec spec, @Nullable Status status)
    implements KubeObject {
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Spec(Template template) {}

  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Template(PodSpec spec) {}

  /**
   * The containers of its pods.
   *
   * @param containers with all their fields, known here or not
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record PodSpec(List<ObjectNode> containers) {
    public PodSpec {
      containers = Absent.list(containers);
    }
  }

  /**
   * How far a change has come.
   *
   * @param observedGeneration of the spec that the other numbers are about
   * @param desiredNumberScheduled the nodes that should run a pod
   * @param updatedNumberScheduled those that run one of the present spec
   * @param numberAvailable those that run one that is ready
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Status(
      long observedGeneration,
      int desiredNumberScheduled,
      int updatedNumberScheduled,
      int numberAvailable) {}

  /** Whether each node runs a pod of the present spec that is ready. */
  public boolean isRolledOut() {
    return status != null
        && status.observedGeneration >= metadata.generation()
        && status.updatedNumberScheduled >= status.desiredNumberScheduled
        && status.numberAvailable >= status.desiredNumberScheduled;
  }

  /** The nodes that should run a pod. */
  public int nodes() {
    return status == null ? 0 : status.desiredNumberScheduled;
  }
}
