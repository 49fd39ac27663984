package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.Endpoint;
import org.jspecify.annotations.Nullable;

/**
 * One peer now, for people. No secret.
 *
 * @param endpoint where it was last heard, or where it is said to be
 * @param txBytes sent to it since it is a peer, on the wire without outer headers
 * @param rxBytes authenticated from it since then, on the wire without outer headers
 */
public record EspPeerStatus(
    EspPeerSettings settings, @Nullable Endpoint endpoint, long txBytes, long rxBytes) {}
