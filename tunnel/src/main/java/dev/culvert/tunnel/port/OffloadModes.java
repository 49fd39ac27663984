// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import java.util.Map;

/**
 * The wishes of an operator for the kernel's offloads.
 *
 * @param modes those that are not {@link Offload.Mode#AUTO} by default
 */
public record OffloadModes(Map<Offload, Offload.Mode> modes) {
  /** All are used if they can be. */
  public static final OffloadModes AUTO = new OffloadModes(Map.of());

  public OffloadModes {
    modes = Map.copyOf(modes);
  }

  public Offload.Mode of(Offload offload) {
    return modes.getOrDefault(offload, Offload.Mode.AUTO);
  }

  /** Whether it is used if the kernel grants it. */
  public boolean wants(Offload offload) {
    return of(offload) != Offload.Mode.OFF;
  }
}
