// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.tunnel.engine.Endpoint;
import org.jspecify.annotations.Nullable;

/**
 * A peer's endpoint, and whether it answers there.
 *
 * @param endpoint null while unknown
 * @param unansweredHandshakes number of initiations that were repeated for lack of an answer
 */
public record PeerContact(@Nullable Endpoint endpoint, int unansweredHandshakes) {}
