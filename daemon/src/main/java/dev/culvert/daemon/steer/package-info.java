// SPDX-License-Identifier: Apache-2.0
/**
 * Steers packets into the tunnel and keeps all others from leaving: the plan of rules, routes and
 * guard for a configuration, its application to the kernel, and the audit of what the guard
 * counted.
 */
@NullMarked
package dev.culvert.daemon.steer;

import org.jspecify.annotations.NullMarked;
