// SPDX-License-Identifier: Apache-2.0
/** Metrics and health of a gateway over HTTP. Nothing here runs unless it is configured. */
@NullMarked
package dev.culvert.daemon.observe;

import org.jspecify.annotations.NullMarked;
