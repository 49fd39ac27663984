// SPDX-License-Identifier: Apache-2.0
/** The guard is lifted on every node of a cluster, as the last change of the gateways' pods. */
@NullMarked
package dev.culvert.cluster.lift;

import org.jspecify.annotations.NullMarked;
