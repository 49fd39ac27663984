package dev.culvert.tunnel.wireguard;

import dev.culvert.tunnel.engine.Endpoint;
import org.jspecify.annotations.Nullable;

/**
 * Where a peer is, and whether it answers there.
 *
 * @param endpoint null while unknown
 * @param unansweredHandshakes initiations that were sent again, since there was no answer
 */
public record PeerContact(@Nullable Endpoint endpoint, int unansweredHandshakes) {}
