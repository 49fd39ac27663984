// SPDX-License-Identifier: Apache-2.0
/**
 * The WireGuard handshake (Noise_IKpsk2 with cookies, mac1, mac2, rate limits, timestamps and
 * timers) for any protocol that uses its keys: that protocol implements {@link
 * dev.culvert.tunnel.noise.HandshakeUser}. Sans-I/O: no sockets, threads, Netty or clock.
 */
@NullMarked
package dev.culvert.tunnel.noise;

import org.jspecify.annotations.NullMarked;
