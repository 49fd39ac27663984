// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import org.jspecify.annotations.Nullable;

/**
 * The state of the rotation of the global key with one peer.
 *
 * @param agreed id of the key that both last agreed on, 0 before the first time
 * @param peerPublished id of the key that the peer last announced for sending, 0 while unknown
 * @param difference the difference between the two ends' configurations that keeps them from
 *     agreeing, as text; null if none is known
 */
public record PairStatus(String peer, int agreed, int peerPublished, @Nullable String difference) {}
