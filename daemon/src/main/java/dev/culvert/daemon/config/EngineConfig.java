package dev.culvert.daemon.config;

/** Which tunnelling protocol a gateway speaks, with what only that protocol needs. */
public sealed interface EngineConfig permits EngineConfig.WireGuard, EspConfig {
  /** All that WireGuard needs is in {@link GatewayConfig} itself. */
  record WireGuard() implements EngineConfig {}
}
