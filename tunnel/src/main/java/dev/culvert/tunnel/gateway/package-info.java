/** The packet path (Lane, both directions in one file), and its wiring and lifecycle. */
@NullMarked
package dev.culvert.tunnel.gateway;

import org.jspecify.annotations.NullMarked;
