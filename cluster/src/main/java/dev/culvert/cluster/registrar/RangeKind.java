// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

/** The objects that tell the ranges of the nodes' pods. */
public enum RangeKind {
  /** The first of the others that the cluster has; none while that is not sure. */
  AUTO,
  /** Each Node's podCIDRs: kubenet, kindnet, flannel, host-local. */
  NODES,
  /** The blocks of Calico's IPAM. */
  CALICO,
  /** The podCIDRs of each CiliumNode. */
  CILIUM,
  /** The addresses of all Pods: the CNIs of AWS and Azure, and every other one. */
  PODS
}
