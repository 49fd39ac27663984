// SPDX-License-Identifier: Apache-2.0
/** A gateway in a terminal, second by second. */
@NullMarked
package dev.culvert.cli.command.top;

import org.jspecify.annotations.NullMarked;
