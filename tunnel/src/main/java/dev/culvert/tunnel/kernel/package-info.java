/** What the kernel is asked to do: the C library, netlink, links, addresses and routes. */
@NullMarked
package dev.culvert.tunnel.kernel;

import org.jspecify.annotations.NullMarked;
