// SPDX-License-Identifier: Apache-2.0
/**
 * The lab: nodes and pods in network namespaces on this machine, real traffic through the gateways
 * between them, and a capture of the wire that tells which packets were seen in clear.
 */
@NullMarked
package dev.culvert.lab;

import org.jspecify.annotations.NullMarked;
