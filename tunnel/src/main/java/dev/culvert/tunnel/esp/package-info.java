// SPDX-License-Identifier: Apache-2.0
/**
 * The ESP engine (RFC 4303 tunnel mode with AES-GCM, RFC 4106). Sans-I/O: no sockets, threads,
 * Netty or clock.
 */
@NullMarked
package dev.culvert.tunnel.esp;

import org.jspecify.annotations.NullMarked;
