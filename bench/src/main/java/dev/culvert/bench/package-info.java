// SPDX-License-Identifier: Apache-2.0
/** JMH benchmarks of the pieces; {@code bench/side-by-side} measures the whole against peers. */
@NullMarked
package dev.culvert.bench;

import org.jspecify.annotations.NullMarked;
