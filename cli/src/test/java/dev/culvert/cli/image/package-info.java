// SPDX-License-Identifier: Apache-2.0
/** Culvert's container image, as engines read it and run it. */
@NullMarked
package dev.culvert.cli.image;

import org.jspecify.annotations.NullMarked;
