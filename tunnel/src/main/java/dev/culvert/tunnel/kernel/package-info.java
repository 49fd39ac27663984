// SPDX-License-Identifier: Apache-2.0
/**
 * Access to the kernel: the C library, netlink, links, addresses, routes, rules and the guard.
 * {@link dev.culvert.tunnel.kernel.PlanApplier} brings it into the state of a plan once, and {@link
 * dev.culvert.tunnel.kernel.Keeper} keeps it there.
 */
@NullMarked
package dev.culvert.tunnel.kernel;

import org.jspecify.annotations.NullMarked;
