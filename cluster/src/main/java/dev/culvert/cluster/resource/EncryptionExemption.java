// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Traffic of the selected nodes that stays in clear, such as that of the API server and etcd. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record EncryptionExemption(Metadata metadata, Spec spec) implements KubeObject {
  /**
   * The exempt traffic.
   *
   * @param protocol {@code TCP} or {@code UDP}
   * @param ports such as {@code 6443} or {@code 2379-2380}
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Spec(@Nullable Selector nodeSelector, String protocol, List<String> ports) {
    public Spec {
      protocol = Absent.text(protocol);
      ports = Absent.list(ports);
    }
  }

  /** The labels that a node has to have, all of them. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Selector(Map<String, String> matchLabels) {
    public Selector {
      matchLabels = Absent.map(matchLabels);
    }
  }
}
