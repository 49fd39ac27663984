// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.cluster.claim.OwnClaim;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.ready.Desired;
import dev.culvert.daemon.config.ready.DesiredEsp;
import dev.culvert.daemon.config.ready.DesiredState;
import dev.culvert.daemon.observe.KeysReading;
import dev.culvert.daemon.socket.Handed;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.gateway.Descriptors;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.RunningTunnel;
import dev.culvert.tunnel.noise.PublicKey;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A tunnel of either engine that runs from a configuration. */
sealed interface Running extends AutoCloseable permits RunningWireGuard, RunningEsp {
  /**
   * Makes the link, configured but down; leaves no link behind if that fails.
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
   * Takes over the link and the sockets of another process. {@link #restore} follows, and then the
   * tunnel is told to begin.
   */
  static Running inherit(Machine machine, Desired desired, int mtu, Descriptors from)
      throws IOException {
    return switch (desired) {
      case DesiredState state -> RunningWireGuard.inherit(machine, state, mtu, from);
      case DesiredEsp esp -> RunningEsp.inherit(machine, esp, mtu, from);
    };
  }

  /**
   * Continues the state of the process whose link this took over, changed as desired.
   *
   * @param state null if there is none: peers get new handshakes
   * @throws ConfigException if the change needs a new start
   */
  void restore(@Nullable StateReader state, Desired desired) throws ConfigException, IOException;

  /** Stops to move packets, and writes the state for {@link #restore} in another process. */
  void pause(StateWriter out) throws IOException;

  /**
   * Serves the UAPI socket, if the engine has one.
   *
   * @param handed the socket of another process, or nothing
   */
  void serve(Machine machine, Handed handed) throws IOException;

  /** The UAPI socket, for another process; nothing without one. */
  Handed handOverUapi() throws IOException;

  /** Serves the UAPI socket again. */
  void resumeUapi() throws IOException;

  /**
   * Applies the desired configuration, or stays as it is.
   *
   * @return how many peers changed
   * @throws ConfigException if the change needs a new start
   */
  int apply(Desired desired) throws ConfigException, IOException;

  /**
   * The endpoints of these peers, and whether they answer; peers that the device does not have are
   * left out.
   */
  Map<String, PeerSign> signs(Collection<String> peers) throws IOException;

  /** Moves a peer to the endpoint that its name stands for from now on. */
  void move(String peer, Endpoint to) throws IOException;

  /**
   * Takes peers away at once, and wipes their keys; the others stay as they are.
   *
   * @param peers their identities in the engine
   */
  void forget(Set<String> peers) throws IOException;

  /** The identity of this node in the engine. */
  Identity identity() throws IOException;

  /**
   * The identity of a node in its engine.
   *
   * @param engine as the API names it
   * @param publicKey null if the engine has none
   * @param espKeyId the newest global key, or 0
   */
  record Identity(String engine, @Nullable PublicKey publicKey, int espKeyId) {
    /** The public key in base64. */
    @Nullable String keyText() {
      return publicKey == null ? null : publicKey.toString();
    }

    OwnClaim claim(int port, Collection<IpAddress> addresses) {
      return new OwnClaim(engine, keyText(), espKeyId, port, addresses.stream().sorted().toList());
    }
  }

  /** The tunnel itself: its state, and its end. */
  RunningTunnel tunnel();

  /**
   * The tunnel with its configuration's names and settings. Both belong to one {@link #apply}, also
   * while the next one is at work.
   *
   * @param file the configuration file
   * @throws DeviceException if the tunnel does not answer, or is closed
   */
  GatewayView view(String file) throws DeviceException;

  /**
   * The security associations, for metrics; null if the engine has none.
   *
   * @throws DeviceException if the tunnel does not answer, or is closed
   */
  @Nullable KeysReading keys() throws DeviceException;

  /**
   * The lines that Wireshark needs to decrypt a capture. They are secret, and only given if an
   * operator asks for them.
   */
  List<String> keyLog() throws IOException;

  /** Removes the device. */
  void end();

  /** Removes the device and the sockets that serve it. May be called again. */
  @Override
  void close() throws IOException;
}
