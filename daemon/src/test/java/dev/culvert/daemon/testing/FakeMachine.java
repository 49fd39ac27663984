// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import dev.culvert.daemon.ClusterAccess;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.Resolver;
import dev.culvert.daemon.TunnelFactory;
import dev.culvert.daemon.steer.Network;
import java.nio.file.Path;
import java.util.List;

/** Machines whose files are in one directory of a test. */
public final class FakeMachine {
  private FakeMachine() {}

  /** A machine on which no name resolves. */
  public static Machine in(Path directory, TunnelFactory tunnels, Network network) {
    return in(directory, tunnels, network, host -> List.of());
  }

  public static Machine in(Path directory, TunnelFactory tunnels, Network network, Resolver names) {
    return in(directory, tunnels, network, names, new FakeCluster());
  }

  public static Machine in(
      Path directory,
      TunnelFactory tunnels,
      Network network,
      Resolver names,
      ClusterAccess cluster) {
    return new Machine(
        tunnels,
        network,
        directory.resolve("wg"),
        directory.resolve("run"),
        directory.resolve("sequences"),
        names,
        cluster);
  }
}
