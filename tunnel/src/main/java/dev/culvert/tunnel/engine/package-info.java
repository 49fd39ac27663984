// SPDX-License-Identifier: Apache-2.0
/** The interface of a tunnelling protocol, and the parts that all engines share. Sans-I/O. */
@NullMarked
package dev.culvert.tunnel.engine;

import org.jspecify.annotations.NullMarked;
