// SPDX-License-Identifier: Apache-2.0
/** The commands that show something and change nothing. */
@NullMarked
package dev.culvert.cli.command.show;

import org.jspecify.annotations.NullMarked;
