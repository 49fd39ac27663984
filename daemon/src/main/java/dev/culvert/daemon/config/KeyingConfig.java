// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

/** The source of ESP's keys. */
public sealed interface KeyingConfig
    permits GlobalKeyingConfig, NoiseKeyingConfig, ManualKeyingConfig {
  /** The name in the configuration. */
  String name();
}
