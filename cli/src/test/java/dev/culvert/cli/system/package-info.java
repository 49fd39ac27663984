// SPDX-License-Identifier: Apache-2.0
/** Culvert as a system installs it and runs it: its units, its reports to systemd, its package. */
@NullMarked
package dev.culvert.cli.system;

import org.jspecify.annotations.NullMarked;
