package dev.culvert.tunnel.esp.global;

import org.jspecify.annotations.Nullable;

/**
 * How far the rotation of the global key is with one peer.
 *
 * @param agreed id of the key that both last agreed on, 0 before the first time
 * @param peerPublished id that the peer last said it would send under, 0 while unknown
 * @param difference in what the two ends are configured, so that they cannot agree; null if none is
 *     known
 */
public record PairStatus(String peer, int agreed, int peerPublished, @Nullable String difference) {}
