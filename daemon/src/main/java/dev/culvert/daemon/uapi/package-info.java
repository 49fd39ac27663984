// SPDX-License-Identifier: Apache-2.0
/** Both ends of the text protocol that {@code wg} speaks to a userspace device. */
@NullMarked
package dev.culvert.daemon.uapi;

import org.jspecify.annotations.NullMarked;
