// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerContact;
import java.util.Collection;
import java.util.Map;

/** A running WireGuard device, as the UAPI and the admin socket use it. Thread-safe. */
public interface WireGuardDevice {
  /** Its tunnel; closing that closes the device. */
  RunningTunnel tunnel();

  /**
   * Applies the whole update, or nothing of it.
   *
   * @throws DeviceException if it cannot be applied (a port in use, a mark that the kernel
   *     refuses); the old state stays
   */
  void configure(DeviceUpdate update) throws DeviceException;

  /**
   * Continues the device of another process, which has paused it. Only for a device without keys
   * and peers that was opened with the other's descriptors, before it begins.
   *
   * @throws DeviceException if the state cannot be read; nothing was changed
   */
  void restore(StateReader state) throws DeviceException;

  /** The current keys and peers. The caller closes the snapshot. */
  DeviceSnapshot snapshot();

  /** The current endpoints of these peers; peers that do not exist are left out. */
  Map<PublicKey, PeerContact> contacts(Collection<PublicKey> peers) throws DeviceException;
}
