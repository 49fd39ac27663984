// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

/** The tunnelling protocol of a gateway, with the settings that only that protocol needs. */
public sealed interface EngineConfig permits EngineConfig.WireGuard, EspConfig {
  /** WireGuard. All of its settings are in {@link GatewayConfig} itself. */
  record WireGuard() implements EngineConfig {
    /** The port on which the nodes of a cluster listen, unless their file names another. */
    public static final int DEFAULT_PORT = 51820;
  }
}
