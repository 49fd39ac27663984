// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.noise.PublicKey;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The cluster as it is known besides the configuration file.
 *
 * @param snapshot of the API's objects
 * @param ownAddresses that this machine's devices have
 * @param ownKey this node's public key, which no other node can have; null if it has none yet
 */
public record KnownCluster(
    ClusterSnapshot snapshot, Set<IpAddress> ownAddresses, @Nullable PublicKey ownKey) {
  public static final KnownCluster NOTHING =
      new KnownCluster(ClusterSnapshot.EMPTY, Set.of(), null);

  public KnownCluster {
    ownAddresses = Set.copyOf(ownAddresses);
  }
}
