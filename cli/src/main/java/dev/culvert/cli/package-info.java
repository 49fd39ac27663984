/** The {@code culvert} command. */
@NullMarked
package dev.culvert.cli;

import org.jspecify.annotations.NullMarked;
