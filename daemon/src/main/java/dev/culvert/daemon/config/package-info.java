// SPDX-License-Identifier: Apache-2.0
/** The configuration as immutable typed values. Nothing here reads files or asks the machine. */
@NullMarked
package dev.culvert.daemon.config;

import org.jspecify.annotations.NullMarked;
