// SPDX-License-Identifier: Apache-2.0
/** The claim of this node about itself, and its publication. */
@NullMarked
package dev.culvert.cluster.claim;

import org.jspecify.annotations.NullMarked;
