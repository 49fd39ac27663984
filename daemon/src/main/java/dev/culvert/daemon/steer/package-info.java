// SPDX-License-Identifier: Apache-2.0
/**
 * Steers packets into the tunnel and keeps packets that are not encrypted from leaving: the plan of
 * rules, routes and guard for a configuration, its application to the kernel, and the audit of the
 * packets that the guard counted.
 */
@NullMarked
package dev.culvert.daemon.steer;

import org.jspecify.annotations.NullMarked;
