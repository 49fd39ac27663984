// SPDX-License-Identifier: Apache-2.0
/** The cluster's state on disk, from which a node starts without the API. */
@NullMarked
package dev.culvert.cluster.state;

import org.jspecify.annotations.NullMarked;
