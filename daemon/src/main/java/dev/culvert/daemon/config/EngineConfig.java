// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

/** Which tunnelling protocol a gateway speaks, with what only that protocol needs. */
public sealed interface EngineConfig permits EngineConfig.WireGuard, EspConfig {
  /** All that WireGuard needs is in {@link GatewayConfig} itself. */
  record WireGuard() implements EngineConfig {
    /** Where nodes of a cluster listen and send to, unless their file says otherwise. */
    public static final int DEFAULT_PORT = 51820;
  }
}
