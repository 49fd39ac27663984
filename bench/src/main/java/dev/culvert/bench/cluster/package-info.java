// SPDX-License-Identifier: Apache-2.0
/** Figures of a cluster: real daemons on a real API server with thousands of nodes. */
@NullMarked
package dev.culvert.bench.cluster;

import org.jspecify.annotations.NullMarked;
