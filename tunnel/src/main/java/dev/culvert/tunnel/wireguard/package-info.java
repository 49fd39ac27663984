// SPDX-License-Identifier: Apache-2.0
/** The Noise_IKpsk2 engine. Sans-I/O: no sockets, threads, Netty or clock. */
@NullMarked
package dev.culvert.tunnel.wireguard;

import org.jspecify.annotations.NullMarked;
