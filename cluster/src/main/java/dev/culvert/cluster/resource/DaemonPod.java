// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A Pod of a DaemonSet, in the part that tells which program it runs, and whether it is ready. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record DaemonPod(Metadata metadata, @Nullable Spec spec, @Nullable Status status)
    implements KubeObject {
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Spec(String nodeName, List<Container> containers) {
    public Spec {
      nodeName = Absent.text(nodeName);
      containers = Absent.list(containers);
    }
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Container(List<String> args) {
    public Container {
      args = Absent.list(args);
    }
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Status(List<PodCondition> conditions) {
    public Status {
      conditions = Absent.list(conditions);
    }
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  public record PodCondition(String type, String status) {
    public PodCondition {
      type = Absent.text(type);
      status = Absent.text(status);
    }
  }

  /** The name of its node; empty while it waits for one. */
  public String node() {
    return spec == null ? "" : spec.nodeName;
  }

  /** Whether a DaemonSet of that name made it. */
  public boolean isOf(String daemonSet) {
    return metadata.ownerReferences().stream()
        .anyMatch(owner -> "DaemonSet".equals(owner.kind()) && daemonSet.equals(owner.name()));
  }

  /** Whether its container has these arguments, and is ready. */
  public boolean isReadyWith(List<String> args) {
    return metadata.deletionTimestamp() == null
        && spec != null
        && status != null
        && spec.containers.stream().anyMatch(container -> container.args.equals(args))
        && status.conditions.stream()
            .anyMatch(
                condition -> condition.type.equals("Ready") && condition.status.equals("True"));
  }
}
