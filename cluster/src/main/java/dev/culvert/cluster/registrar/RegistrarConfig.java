// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

/**
 * How a registrar runs.
 *
 * @param replica the name of this replica in the Lease, such as that of its node
 * @param namespace of the Lease
 * @param ranges the objects that tell the ranges of the nodes' pods
 * @param settings the cluster's networks, as far as they are known
 */
public record RegistrarConfig(
    String replica, String namespace, RangeKind ranges, Registrar.Settings settings) {
  public static final String NAMESPACE = "culvert";

  /** The Lease by which one of the replicas leads. */
  public static final String LEASE = "culvert-registrar";
}
