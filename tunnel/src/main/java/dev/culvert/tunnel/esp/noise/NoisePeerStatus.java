// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import dev.culvert.tunnel.noise.PublicKey;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The keying state of one peer, for people. Has no secrets.
 *
 * @param peer its name
 * @param presharedKey whether one is set
 * @param lastHandshake the time of the last handshake, null before the first
 * @param persistentKeepaliveSeconds 0 for off
 */
public record NoisePeerStatus(
    String peer,
    PublicKey publicKey,
    boolean presharedKey,
    @Nullable Instant lastHandshake,
    int persistentKeepaliveSeconds) {}
