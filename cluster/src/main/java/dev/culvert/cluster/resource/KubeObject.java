// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

/** An object of the Kubernetes API. */
public interface KubeObject {
  Metadata metadata();
}
