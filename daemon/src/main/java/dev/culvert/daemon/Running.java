// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.ready.Desired;
import dev.culvert.daemon.config.ready.DesiredEsp;
import dev.culvert.daemon.config.ready.DesiredState;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.gateway.RunningTunnel;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** A tunnel of either engine that runs from a configuration. */
sealed interface Running extends AutoCloseable permits RunningWireGuard, RunningEsp {
  /**
   * Makes the link, configured but down; leaves nothing if that fails.
   *
   * @param mtu of the link from its beginning, 0: one that suits most links
   */
  static Running open(Machine machine, Desired desired, int mtu) throws IOException {
    return switch (desired) {
      case DesiredState state -> RunningWireGuard.open(machine, state, mtu);
      case DesiredEsp esp -> RunningEsp.open(machine, esp, mtu);
    };
  }

  /**
   * Becomes what is desired, or stays as it is.
   *
   * @return how many peers changed
   * @throws ConfigException if that needs a new start
   */
  int apply(Desired desired) throws ConfigException, IOException;

  /** Where these peers are and whether they answer; those that it does not have are left out. */
  Map<String, PeerSign> signs(Collection<String> peers) throws IOException;

  /** A peer's name stands for this from now on. */
  void move(String peer, Endpoint to) throws IOException;

  /** The tunnel itself: its state, and its end. */
  RunningTunnel tunnel();

  /**
   * The tunnel with what its configuration says of it. Both are of one {@link #apply}, also while
   * the next is at work.
   *
   * @param file the configuration's
   */
  GatewayView view(String file);

  /** The lines with which Wireshark reads a capture: secrets, on an operator's explicit demand. */
  List<String> keyLog() throws IOException;

  /** Takes the device away. */
  void end();

  /** Takes the device and what serves it away. May be called again. */
  @Override
  void close() throws IOException;
}
