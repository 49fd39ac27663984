package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerContact;
import java.util.Collection;
import java.util.Map;

/**
 * A running WireGuard device, as the UAPI and the admin socket steer it. Safe to use from any
 * thread.
 */
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

  /** Keys and peers now. The caller closes it. */
  DeviceSnapshot snapshot();

  /** The endpoints of these peers now; peers that do not exist are left out. */
  Map<PublicKey, PeerContact> contacts(Collection<PublicKey> peers) throws DeviceException;
}
