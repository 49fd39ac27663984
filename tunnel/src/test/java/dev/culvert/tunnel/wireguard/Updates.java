// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.PublicKey;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Changes to a device, for tests. */
final class Updates {
  static final SecretBytes NO_KEY = SecretBytes.owning(new byte[Messages.KEY_LENGTH]);

  private Updates() {}

  static DeviceUpdate privateKey(SecretBytes key) {
    return new DeviceUpdate(key, OptionalInt.empty(), OptionalInt.empty(), false, List.of());
  }

  static DeviceUpdate replacing(PeerUpdate... peers) {
    return new DeviceUpdate(null, OptionalInt.empty(), OptionalInt.empty(), true, List.of(peers));
  }

  static PeerUpdate peer(PublicKey key, @Nullable Endpoint endpoint, String... allowedIps) {
    return peer(key, endpoint, OptionalInt.empty(), false, allowedIps);
  }

  static PeerUpdate keepalive(PublicKey key, int seconds) {
    return peer(key, null, OptionalInt.of(seconds), false);
  }

  static PeerUpdate peer(
      PublicKey key,
      @Nullable Endpoint endpoint,
      OptionalInt keepalive,
      boolean replaceAllowedIps,
      String... allowedIps) {
    return new PeerUpdate(
        key,
        false,
        false,
        null,
        endpoint,
        keepalive,
        replaceAllowedIps,
        Arrays.stream(allowedIps).map(Updates::change).toList());
  }

  static PeerUpdate heardAt(PublicKey key, IpAddress... addresses) {
    return new PeerUpdate(
        key, false, true, null, null, Set.of(addresses), OptionalInt.empty(), false, List.of());
  }

  private static PeerUpdate.AllowedIpChange change(String range) {
    boolean remove = range.startsWith("-");
    return new PeerUpdate.AllowedIpChange(
        Prefix.parse(remove ? range.substring(1) : range), remove);
  }
}
