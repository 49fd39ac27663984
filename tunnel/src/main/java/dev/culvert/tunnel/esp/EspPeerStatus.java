// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.Endpoint;
import org.jspecify.annotations.Nullable;

/**
 * The state of one peer, for people. Has no secrets.
 *
 * @param endpoint its last proven endpoint, or its configured one
 * @param txBytes bytes sent to it since it was added, on the wire without outer headers
 * @param rxBytes authenticated bytes received from it since then, on the wire without outer headers
 */
public record EspPeerStatus(
    EspPeerSettings settings, @Nullable Endpoint endpoint, long txBytes, long rxBytes) {}
