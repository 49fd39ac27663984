// SPDX-License-Identifier: Apache-2.0
/** A running tunnel: its control thread, sockets and life cycle, around the lanes and an engine. */
@NullMarked
package dev.culvert.tunnel.gateway;

import org.jspecify.annotations.NullMarked;
