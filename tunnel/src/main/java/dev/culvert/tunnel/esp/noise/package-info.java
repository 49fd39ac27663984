// SPDX-License-Identifier: Apache-2.0
/**
 * Keys of the ESP engine from the WireGuard handshake: fresh ones with forward secrecy every two
 * minutes, without a key file. Sans-I/O. The design and its security argument are in {@code
 * docs/esp-noise.md}.
 */
@NullMarked
package dev.culvert.tunnel.esp.noise;

import org.jspecify.annotations.NullMarked;
