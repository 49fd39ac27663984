package dev.culvert.tunnel.esp.noise;

import dev.culvert.tunnel.noise.PublicKey;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One peer's keying now, for people. No secret.
 *
 * @param peer its name
 * @param presharedKey whether one is set
 * @param lastHandshake when keys were last agreed on, null before the first time
 * @param persistentKeepaliveSeconds 0 for off
 */
public record NoisePeerStatus(
    String peer,
    PublicKey publicKey,
    boolean presharedKey,
    @Nullable Instant lastHandshake,
    int persistentKeepaliveSeconds) {}
