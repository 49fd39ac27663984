// SPDX-License-Identifier: Apache-2.0
/** Forms of the log's lines: text, text for the journal, and JSON. */
@NullMarked
package dev.culvert.cli.command.log;

import org.jspecify.annotations.NullMarked;
