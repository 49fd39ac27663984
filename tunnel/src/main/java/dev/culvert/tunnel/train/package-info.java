// SPDX-License-Identifier: Apache-2.0
/** The train: a run of packets at one stride in one buffer, which all parts work on. */
@NullMarked
package dev.culvert.tunnel.train;

import org.jspecify.annotations.NullMarked;
