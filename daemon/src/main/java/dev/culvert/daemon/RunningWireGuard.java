// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.PeerConfig;
import dev.culvert.daemon.config.ready.Desired;
import dev.culvert.daemon.config.ready.DesiredState;
import dev.culvert.daemon.config.ready.DeviceDiff;
import dev.culvert.daemon.observe.KeysReading;
import dev.culvert.daemon.socket.Handed;
import dev.culvert.daemon.uapi.UapiServer;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.gateway.Descriptors;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.RunningTunnel;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerContact;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A WireGuard device, which {@code wg} can see too. */
final class RunningWireGuard implements Running {
  /** So many initiations in a row are not lost by chance alone. */
  private static final int UNANSWERED = 2;

  private final WireGuardDevice device;
  private final HandshakeLog handshakes;

  /** Null before it is served. */
  private volatile @Nullable UapiServer uapi;

  /** The endpoints that were wanted last. */
  private Map<PublicKey, Endpoint> endpoints;

  private PublicKey publicKey;

  /** The names of the peers in the configuration, by public key. */
  private Map<String, String> names;

  private RunningWireGuard(WireGuardDevice device, HandshakeLog handshakes, DesiredState desired) {
    this.device = device;
    this.handshakes = handshakes;
    endpoints = endpoints(desired.update());
    names = names(desired.config());
    publicKey = desired.publicKey();
  }

  static RunningWireGuard open(Machine machine, DesiredState desired, int mtu) throws IOException {
    GatewayConfig config = desired.config();
    HandshakeLog handshakes = HandshakeLog.create();
    WireGuardDevice device =
        machine.openWireGuard(
            config.interfaceName(), mtu, config.lanes(), config.offload(), handshakes);
    try {
      // Routes and rules lead to the link by its name in this namespace. A link that was moved away
      // is of no use here, and a new start makes another one.
      device.tunnel().endWhenMoved();
      device.configure(desired.update());
      return new RunningWireGuard(device, handshakes, desired);
    } catch (IOException | RuntimeException e) {
      device.tunnel().close();
      handshakes.close();
      throw e;
    }
  }

  static RunningWireGuard inherit(Machine machine, DesiredState desired, int mtu, Descriptors from)
      throws IOException {
    GatewayConfig config = desired.config();
    HandshakeLog handshakes = HandshakeLog.create();
    WireGuardDevice device =
        machine.inheritWireGuard(
            config.interfaceName(), mtu, config.lanes(), config.offload(), handshakes, from);
    device.tunnel().endWhenMoved();
    return new RunningWireGuard(device, handshakes, desired);
  }

  /** The peers of the predecessor stay, and change as in a reload. */
  @Override
  public synchronized void restore(@Nullable StateReader state, Desired desired)
      throws ConfigException, IOException {
    endpoints = endpoints(state);
    if (state != null) {
      device.restore(state);
    }
    apply(desired);
  }

  private static Map<PublicKey, Endpoint> endpoints(@Nullable StateReader state)
      throws DeviceException {
    Map<PublicKey, Endpoint> endpoints = new HashMap<>();
    if (state != null) {
      try {
        state.list(() -> endpoints.put(PublicKey.parseBase64(state.text()), state.endpoint()));
      } catch (StateException e) {
        throw DeviceException.unreadable(e);
      }
    }
    return endpoints;
  }

  @Override
  public synchronized void pause(StateWriter out) throws DeviceException {
    out.list(
        endpoints.entrySet(),
        entry -> out.text(entry.getKey().toString()).endpoint(entry.getValue()));
    tunnel().pause(out);
  }

  @Override
  public void serve(Machine machine, Handed handed) throws IOException {
    uapi = UapiServer.open(machine.uapiDirectory(), device, handed);
  }

  @Override
  public Handed handOverUapi() throws IOException {
    UapiServer served = uapi;
    return served == null ? Handed.NOTHING : served.handOver();
  }

  @Override
  public void resumeUapi() throws IOException {
    UapiServer served = uapi;
    if (served != null) {
      served.resume();
    }
  }

  private static Map<PublicKey, Endpoint> endpoints(DeviceUpdate update) {
    Map<PublicKey, Endpoint> endpoints = new HashMap<>();
    for (PeerUpdate peer : update.peers()) {
      if (peer.endpoint() != null) {
        endpoints.put(peer.publicKey(), peer.endpoint());
      }
    }
    return endpoints;
  }

  private static Map<String, String> names(GatewayConfig config) {
    return config.peers().stream()
        .collect(Collectors.toMap(peer -> peer.publicKey().toString(), PeerConfig::name));
  }

  @Override
  public RunningTunnel tunnel() {
    return device.tunnel();
  }

  @Override
  public synchronized int apply(Desired desired) throws ConfigException, IOException {
    if (!(desired instanceof DesiredState wanted)) {
      throw new IllegalArgumentException("not for WireGuard");
    }
    try (DeviceSnapshot now = device.snapshot()) {
      DeviceUpdate update =
          DeviceDiff.between(
              now, tunnel().listenPort(), tunnel().fwmark(), endpoints, wanted.update());
      if (!DeviceDiff.isEmpty(update)) {
        device.configure(update);
      }
      endpoints = endpoints(wanted.update());
      names = names(wanted.config());
      publicKey = wanted.publicKey();
      return update.peers().size();
    }
  }

  @Override
  public Map<String, PeerSign> signs(Collection<String> peers) throws DeviceException {
    Map<String, PeerSign> signs = new HashMap<>();
    device
        .contacts(peers.stream().map(PublicKey::parseBase64).toList())
        .forEach((key, contact) -> signs.put(key.toString(), sign(contact)));
    return signs;
  }

  private static PeerSign sign(PeerContact contact) {
    return new PeerSign(
        contact.endpoint(),
        contact.unansweredHandshakes() < UNANSWERED
            ? PeerSign.Answer.HEARD
            : PeerSign.Answer.UNANSWERED);
  }

  @Override
  public synchronized void forget(Set<String> peers) throws DeviceException {
    List<PeerUpdate> removals =
        peers.stream().map(PublicKey::parseBase64).map(DeviceDiff::removal).toList();
    if (!removals.isEmpty()) {
      device.configure(
          new DeviceUpdate(null, OptionalInt.empty(), OptionalInt.empty(), false, removals));
    }
  }

  @Override
  public synchronized Identity identity() {
    return new Identity("wireguard", publicKey, 0);
  }

  @Override
  public void move(String peer, Endpoint to) throws DeviceException {
    PeerUpdate update =
        new PeerUpdate(
            PublicKey.parseBase64(peer),
            false,
            true,
            null,
            to,
            OptionalInt.empty(),
            false,
            List.of());
    device.configure(
        new DeviceUpdate(null, OptionalInt.empty(), OptionalInt.empty(), false, List.of(update)));
  }

  @Override
  public synchronized GatewayView view(String file) {
    return GatewayView.of(device, file, names);
  }

  @Override
  public @Nullable KeysReading keys() {
    return null;
  }

  @Override
  public List<String> keyLog() {
    try (DeviceSnapshot now = device.snapshot()) {
      return handshakes.lines(now);
    }
  }

  @Override
  public void end() {
    device.tunnel().close();
    handshakes.close();
  }

  @Override
  public void close() throws IOException {
    end();
    UapiServer served = uapi;
    if (served != null) {
      served.close();
    }
  }
}
