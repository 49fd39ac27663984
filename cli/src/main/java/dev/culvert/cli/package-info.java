// SPDX-License-Identifier: Apache-2.0
/** The {@code culvert} command: where a line on a terminal becomes a call. */
@NullMarked
package dev.culvert.cli;

import org.jspecify.annotations.NullMarked;
