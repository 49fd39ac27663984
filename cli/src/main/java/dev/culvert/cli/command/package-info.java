// SPDX-License-Identifier: Apache-2.0
/** The commands that run a gateway, one per file, and the parts that all commands share. */
@NullMarked
package dev.culvert.cli.command;

import org.jspecify.annotations.NullMarked;
