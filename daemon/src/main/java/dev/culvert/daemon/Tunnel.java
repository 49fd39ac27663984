package dev.culvert.daemon;

import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.ready.Desired;
import dev.culvert.daemon.config.ready.DesiredEsp;
import dev.culvert.daemon.config.ready.DesiredState;
import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.gateway.GatewayStatus;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A running device of either engine, as the daemon steers it. */
sealed interface Tunnel extends AutoCloseable permits WireGuardTunnel, EspTunnel {
  /**
   * Makes the link, configured but down; leaves nothing where that fails.
   *
   * @param mtu of the link from its beginning, 0: one that suits most links
   */
  static Tunnel open(Machine machine, Desired desired, int mtu) throws IOException {
    return switch (desired) {
      case DesiredState state -> WireGuardTunnel.open(machine, state, mtu);
      case DesiredEsp esp -> EspTunnel.open(machine, esp, mtu);
    };
  }

  /**
   * Becomes what is desired, or stays as it is.
   *
   * @return how many peers changed
   * @throws ConfigException where that needs a new start
   */
  int apply(Desired desired) throws ConfigException, IOException;

  /** Where these peers are and whether they answer; those that it does not have are left out. */
  Map<String, PeerSign> signs(Collection<String> peers) throws IOException;

  /** A peer's name stands for this from now on. */
  void move(String peer, Endpoint to) throws IOException;

  /** The port that is bound. */
  int listenPort();

  /**
   * From now on the classifier decides what becomes of every packet.
   *
   * @param bypass the mark of what leaves in clear on purpose
   */
  void useClassifier(Classifier classifier, Mark bypass) throws IOException;

  /** Asks all peers that it has no session with for one, without waiting. */
  void greet() throws IOException;

  /** Counters and what the kernel offers. */
  GatewayStatus status();

  /**
   * What runs.
   *
   * @param file the configuration's
   */
  GatewayView view(GatewayConfig config, String file);

  /** The lines with which Wireshark reads a capture: secrets, on an operator's explicit demand. */
  List<String> keyLog() throws IOException;

  /** Why the device can only be closed any more, if that is so. */
  Optional<String> failure();

  /** Returns when the link was deleted, the device failed, or {@link #end} was called. */
  void awaitClosed() throws InterruptedException;

  /** Takes the device away. */
  void end();

  /** Takes the device and what serves it away. May be called again. */
  @Override
  void close() throws IOException;
}
