// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A node in Cilium's view, in the part that tells its pods' ranges. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record CiliumNode(Metadata metadata, @Nullable Spec spec) implements KubeObject {
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Spec(@Nullable Ipam ipam) {}

  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Ipam(List<String> podCIDRs) {
    public Ipam {
      podCIDRs = Absent.list(podCIDRs);
    }
  }
}
