// SPDX-License-Identifier: Apache-2.0
/**
 * Files that outlive a gateway: keys, the sequence numbers of manual SAs and handshake timestamps.
 * All of them are private to their owner.
 */
@NullMarked
package dev.culvert.tunnel.state;

import org.jspecify.annotations.NullMarked;
