// SPDX-License-Identifier: Apache-2.0
/**
 * Access to the kernel: the C library, netlink, links, addresses, routes, rules and the guard.
 * {@link dev.culvert.tunnel.kernel.Keeper} applies a plan to it and repairs deviations.
 */
@NullMarked
package dev.culvert.tunnel.kernel;

import org.jspecify.annotations.NullMarked;
