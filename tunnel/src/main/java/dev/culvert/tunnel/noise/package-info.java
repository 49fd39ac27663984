/**
 * The WireGuard handshake (Noise_IKpsk2 with cookies, mac1, mac2, rate limits, timestamps and
 * timers) for whatever protocol uses the keys that it ends in: that protocol is a {@link
 * dev.culvert.tunnel.noise.HandshakeUser}. Sans-I/O: no sockets, threads, Netty or clock.
 */
@NullMarked
package dev.culvert.tunnel.noise;

import org.jspecify.annotations.NullMarked;
