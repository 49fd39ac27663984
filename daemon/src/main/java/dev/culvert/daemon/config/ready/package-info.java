// SPDX-License-Identifier: Apache-2.0
/** The configuration with its secrets read and its endpoints known: ready for an engine. */
@NullMarked
package dev.culvert.daemon.config.ready;

import org.jspecify.annotations.NullMarked;
