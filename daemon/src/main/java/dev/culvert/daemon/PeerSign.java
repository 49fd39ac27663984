// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.tunnel.engine.Endpoint;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a peer's place.
 *
 * @param at its endpoint, null while unknown
 */
record PeerSign(@Nullable Endpoint at, Answer answer) {
  enum Answer {
    /** Nothing speaks against its being there. */
    HEARD,

    /** Nothing came from there lately, which may be as it should. */
    NOTHING_HEARD,

    /** It was asked there, and did not answer. */
    UNANSWERED
  }
}
