// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import java.nio.file.Path;
import java.util.List;

/** Fixed keys, with their own for each peer. */
public record ManualKeyingConfig(List<Sa> sas) implements KeyingConfig {
  public static final String NAME = "manual";

  public ManualKeyingConfig {
    sas = List.copyOf(sas);
  }

  @Override
  public String name() {
    return NAME;
  }

  /**
   * One fixed key.
   *
   * @param peer the peer's name
   * @param outbound whether this node sends under it
   * @param spi 256 to 0xffffffff, as it stands on the wire
   * @param file that holds the key
   * @param place its place in the configuration, for errors
   */
  public record Sa(String peer, boolean outbound, int spi, Path file, Place place) {}
}
