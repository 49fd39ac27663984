// SPDX-License-Identifier: Apache-2.0
/**
 * Local sockets that only root may open, from the moment they exist, and that one process can hand
 * over to another.
 */
@NullMarked
package dev.culvert.daemon.socket;

import org.jspecify.annotations.NullMarked;
