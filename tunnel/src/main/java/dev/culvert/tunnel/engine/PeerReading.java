// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One peer at one moment, for metrics. Has no secret, so that reading thousands of peers copies no
 * keys.
 *
 * @param name as events name it: for WireGuard its public key in base64
 * @param endpoint null while unknown
 * @param lastHandshake the wall time of the last handshake; null before the first, and with keys
 *     that do not come from handshakes
 * @param txBytes bytes sent to it since it was added, as datagrams on the wire
 * @param rxBytes authenticated bytes received from it since then, as datagrams on the wire
 */
public record PeerReading(
    String name,
    @Nullable Endpoint endpoint,
    PeerState state,
    @Nullable Instant lastHandshake,
    long txBytes,
    long rxBytes) {}
