// SPDX-License-Identifier: Apache-2.0
/** The {@code culvert} command, which turns a command line into a call. */
@NullMarked
package dev.culvert.cli;

import org.jspecify.annotations.NullMarked;
