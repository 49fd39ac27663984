// SPDX-License-Identifier: Apache-2.0
/** {@code culvert key} and its commands. */
@NullMarked
package dev.culvert.cli.command.key;

import org.jspecify.annotations.NullMarked;
