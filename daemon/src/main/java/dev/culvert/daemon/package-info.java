// SPDX-License-Identifier: Apache-2.0
/**
 * The daemon that {@code culvert up} runs, from start through reload to end, and the guard that
 * outlives it. It does not know the command line.
 */
@NullMarked
package dev.culvert.daemon;

import org.jspecify.annotations.NullMarked;
