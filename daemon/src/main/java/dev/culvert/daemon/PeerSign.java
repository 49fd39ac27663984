// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.tunnel.engine.Endpoint;
import org.jspecify.annotations.Nullable;

/**
 * The endpoint of a peer, and whether the peer answers there.
 *
 * @param at its endpoint, null while unknown
 */
record PeerSign(@Nullable Endpoint at, Answer answer) {
  enum Answer {
    /** There is no sign that the peer is elsewhere. */
    HEARD,

    /** No packet came from there lately, which is normal for an idle peer. */
    NOTHING_HEARD,

    /** The peer was asked there, and did not answer. */
    UNANSWERED
  }
}
