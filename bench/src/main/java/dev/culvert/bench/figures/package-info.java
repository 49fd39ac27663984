// SPDX-License-Identifier: Apache-2.0
/** Figures of processes, and tables of them. */
@NullMarked
package dev.culvert.bench.figures;

import org.jspecify.annotations.NullMarked;
