// SPDX-License-Identifier: Apache-2.0
/** The command {@code culvert lab}. */
@NullMarked
package dev.culvert.cli.lab;

import org.jspecify.annotations.NullMarked;
