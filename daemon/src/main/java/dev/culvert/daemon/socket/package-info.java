// SPDX-License-Identifier: Apache-2.0
/** Local sockets that only root may open, from the moment they exist. */
@NullMarked
package dev.culvert.daemon.socket;

import org.jspecify.annotations.NullMarked;
