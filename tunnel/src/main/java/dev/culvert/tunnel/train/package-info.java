/** The unit that moves: a run of packets at one stride in one buffer. */
@NullMarked
package dev.culvert.tunnel.train;

import org.jspecify.annotations.NullMarked;
