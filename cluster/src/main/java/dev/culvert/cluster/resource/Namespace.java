// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * A namespace. The cluster has no name of its own: the uid of {@link #KUBE_SYSTEM} tells one
 * cluster from another.
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Namespace(Metadata metadata) implements KubeObject {
  public static final String KUBE_SYSTEM = "kube-system";
}
