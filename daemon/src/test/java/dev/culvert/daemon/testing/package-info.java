// SPDX-License-Identifier: Apache-2.0
/** Devices and networks that are only remembered. */
@NullMarked
package dev.culvert.daemon.testing;

import org.jspecify.annotations.NullMarked;
