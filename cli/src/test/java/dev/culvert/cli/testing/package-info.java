/** Devices and networks that are only remembered. */
@NullMarked
package dev.culvert.cli.testing;

import org.jspecify.annotations.NullMarked;
