// SPDX-License-Identifier: Apache-2.0
/**
 * ESP between nodes, with keys from a cluster key and from handshakes: agreement, restarts, NAT and
 * rotation.
 */
@NullMarked
package dev.culvert.cli.esp;

import org.jspecify.annotations.NullMarked;
