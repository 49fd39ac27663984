// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import org.jspecify.annotations.Nullable;

/** The API server's answer to whether something is allowed: a SelfSubjectAccessReview. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record AccessReview(Metadata metadata, @Nullable Status status) implements KubeObject {
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Status(boolean allowed) {}

  public boolean isAllowed() {
    return status != null && status.allowed();
  }
}
