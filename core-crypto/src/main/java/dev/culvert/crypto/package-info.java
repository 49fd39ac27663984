// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes in, bytes out: AEADs over trains, X25519, BLAKE2s, replay window, secrets. No I/O, no
 * clock, no Netty.
 */
@NullMarked
package dev.culvert.crypto;

import org.jspecify.annotations.NullMarked;
