// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A Node of Kubernetes. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Node(Metadata metadata, @Nullable Spec spec, @Nullable Status status)
    implements KubeObject {
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Spec(@Nullable String podCIDR, List<String> podCIDRs) {
    public Spec {
      podCIDRs = Absent.list(podCIDRs);
    }
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Status(List<Address> addresses) {
    public Status {
      addresses = Absent.list(addresses);
    }
  }

  /**
   * An address of the node.
   *
   * @param type such as {@code InternalIP} or {@code ExternalIP}
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Address(String type, String address) {
    public Address {
      type = Absent.text(type);
      address = Absent.text(address);
    }
  }
}
