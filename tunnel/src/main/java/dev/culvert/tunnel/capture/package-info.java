// SPDX-License-Identifier: Apache-2.0
/** Captures the packets that a gateway sends to its underlay and receives from it. */
@NullMarked
package dev.culvert.tunnel.capture;

import org.jspecify.annotations.NullMarked;
