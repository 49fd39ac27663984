/** One command a file. */
@NullMarked
package dev.culvert.cli.command;

import org.jspecify.annotations.NullMarked;
