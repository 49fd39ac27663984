// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import org.jspecify.annotations.Nullable;

/**
 * The whole state in force. It is published as one value; a reload publishes the next one.
 *
 * @param source the configuration file as it was read; the file of nodes is read again with it
 * @param config the configuration that was read from it
 * @param kernel null before the guard stands
 * @param running null before the tunnel is open
 * @param names null before the names of peers are followed
 */
record GatewayState(
    ConfigFile source,
    GatewayConfig config,
    @Nullable KernelSide kernel,
    @Nullable Running running,
    @Nullable PeerNames names) {
  /** The state when only the configuration is known. */
  GatewayState(ConfigFile source, GatewayConfig config) {
    this(source, config, null, null, null);
  }

  GatewayState with(KernelSide started) {
    return new GatewayState(source, config, started, running, names);
  }

  GatewayState with(Running opened) {
    return new GatewayState(source, config, kernel, opened, names);
  }

  GatewayState with(PeerNames followed) {
    return new GatewayState(source, config, kernel, running, followed);
  }

  /** The state after a reload. */
  GatewayState with(ConfigFile newSource, GatewayConfig newConfig) {
    return new GatewayState(newSource, newConfig, kernel, running, names);
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

  /** Does not wait for a reload, so that it can also show a reload that waits for names. */
  GatewayView view() {
    GatewayView view = requireRunning().view(source.path().toAbsolutePath().toString());
    return names == null ? view : view.withNames(names.views());
  }
}
