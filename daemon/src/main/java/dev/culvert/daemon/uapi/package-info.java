// SPDX-License-Identifier: Apache-2.0
/** The text protocol that {@code wg} speaks to a userspace device, both ends of it. */
@NullMarked
package dev.culvert.daemon.uapi;

import org.jspecify.annotations.NullMarked;
