/**
 * A running tunnel: its control thread, sockets, underlay and life from opening to closing, around
 * the lanes and an engine.
 */
@NullMarked
package dev.culvert.tunnel.gateway;

import org.jspecify.annotations.NullMarked;
