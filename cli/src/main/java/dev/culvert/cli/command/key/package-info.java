/** {@code culvert key} and its commands. */
@NullMarked
package dev.culvert.cli.command.key;

import org.jspecify.annotations.NullMarked;
