// SPDX-License-Identifier: Apache-2.0
/** {@code culvert bundle}: an archive for support, without secrets. */
@NullMarked
package dev.culvert.cli.command.bundle;

import org.jspecify.annotations.NullMarked;
