// SPDX-License-Identifier: Apache-2.0
/** Pages for man(1), made of the commands' own descriptions. */
@NullMarked
package dev.culvert.cli.manual;

import org.jspecify.annotations.NullMarked;
