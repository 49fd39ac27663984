// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/** The object with which another one is deleted. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record OwnerReference(String apiVersion, String kind, String name, String uid) {
  /** The owner of a CulvertNode. */
  public static OwnerReference node(String name, String uid) {
    return new OwnerReference("v1", "Node", name, uid);
  }
}
