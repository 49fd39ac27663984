// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A Pod, in the part that tells which node owns its addresses. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Pod(Metadata metadata, @Nullable Spec spec, @Nullable Status status)
    implements KubeObject {
  /**
   * The node that the pod is on.
   *
   * @param nodeName empty while the pod waits for a node
   * @param hostNetwork whether the pod has the addresses of its node
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Spec(String nodeName, @Nullable Boolean hostNetwork) {
    public Spec {
      nodeName = Absent.text(nodeName);
    }
  }

  /**
   * The state of the pod.
   *
   * @param phase such as {@code Running}
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Status(String phase, List<PodIp> podIPs) {
    public Status {
      phase = Absent.text(phase);
      podIPs = Absent.list(podIPs);
    }
  }

  /** One of the pod's addresses; there is one per family. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record PodIp(String ip) {
    public PodIp {
      ip = Absent.text(ip);
    }
  }
}
