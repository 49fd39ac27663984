// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.UpgradeView;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.tunnel.gateway.DeviceException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The whole state in force. It is published as one value; a reload publishes the next one.
 *
 * @param source the configuration file as it was read; the file of nodes is read again with it
 * @param config the configuration that was read from it
 * @param kernel null before the guard stands
 * @param running null before the tunnel is open
 * @param names null before the names of peers are followed
 * @param api null before the Kubernetes API is followed, or if it is not
 * @param snapshot of the Kubernetes API, in force
 */
record GatewayState(
    ConfigFile source,
    GatewayConfig config,
    @Nullable KernelSide kernel,
    @Nullable Running running,
    @Nullable PeerNames names,
    @Nullable ApiDiscovery api,
    ClusterSnapshot snapshot) {
  /** The state when only the configuration is known. */
  GatewayState(ConfigFile source, GatewayConfig config, ClusterSnapshot snapshot) {
    this(source, config, null, null, null, null, snapshot);
  }

  GatewayState with(KernelSide started) {
    return new GatewayState(source, config, started, running, names, api, snapshot);
  }

  GatewayState with(Running opened) {
    return new GatewayState(source, config, kernel, opened, names, api, snapshot);
  }

  GatewayState with(PeerNames followed) {
    return new GatewayState(source, config, kernel, running, followed, api, snapshot);
  }

  GatewayState with(ApiDiscovery started) {
    return new GatewayState(source, config, kernel, running, names, started, snapshot);
  }

  /** The state after a reload, or after the nodes have changed. */
  GatewayState with(ConfigFile newSource, GatewayConfig newConfig, ClusterSnapshot newSnapshot) {
    return new GatewayState(newSource, newConfig, kernel, running, names, api, newSnapshot);
  }

  KernelSide requireKernel() {
    return require(kernel);
  }

  Running requireRunning() {
    return require(running);
  }

  private static <T> T require(@Nullable T part) {
    if (part == null) {
      throw new IllegalStateException("the gateway is not up");
    }
    return part;
  }

  /**
   * Does not wait for a reload, so that it can also show a reload that waits for names.
   *
   * @param upgrade the last process that was started to take over; null if none was
   */
  GatewayView view(@Nullable UpgradeView upgrade) throws DeviceException {
    return requireRunning()
        .view(source.path().toAbsolutePath().toString())
        .with(
            names == null ? List.of() : names.views(),
            api == null ? null : api.view(snapshot),
            upgrade);
  }
}
