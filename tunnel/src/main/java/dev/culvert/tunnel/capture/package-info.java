/** What a gateway puts on its underlay and takes from it, for others to look at. */
@NullMarked
package dev.culvert.tunnel.capture;

import org.jspecify.annotations.NullMarked;
