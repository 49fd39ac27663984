// SPDX-License-Identifier: Apache-2.0
/** Figures of one gateway with thousands of peers, which are simulated in one process. */
@NullMarked
package dev.culvert.bench.scale;

import org.jspecify.annotations.NullMarked;
