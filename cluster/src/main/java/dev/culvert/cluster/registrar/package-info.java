// SPDX-License-Identifier: Apache-2.0
/**
 * The registrar: decides which nodes are believed, with which key, ranges and addresses, and writes
 * it into the status of each CulvertNode.
 */
@NullMarked
package dev.culvert.cluster.registrar;

import org.jspecify.annotations.NullMarked;
