/**
 * What the kernel is asked to do: the C library, netlink, links, addresses, routes, rules and the
 * guard. {@link dev.culvert.tunnel.kernel.Keeper} makes it hold a plan, and keeps it so.
 */
@NullMarked
package dev.culvert.tunnel.kernel;

import org.jspecify.annotations.NullMarked;
