// SPDX-License-Identifier: Apache-2.0
/**
 * Pods, nodes and a control plane with a gateway on each node: connections work, and no packet
 * between nodes is in clear, from boot and through faults.
 */
@NullMarked
package dev.culvert.cli.cluster;

import org.jspecify.annotations.NullMarked;
