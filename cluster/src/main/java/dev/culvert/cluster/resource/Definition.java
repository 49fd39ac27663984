// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/** A CustomResourceDefinition. When it is deleted, all objects of its kind are deleted first. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Definition(Metadata metadata) implements KubeObject {
  /** Whether its deletion has begun. */
  public boolean isBeingDeleted() {
    return metadata.deletionTimestamp() != null;
  }
}
