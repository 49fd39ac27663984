// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.EspView;
import dev.culvert.daemon.admin.EspView.GlobalKeyView;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.KeyingView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.NamedPeer;
import dev.culvert.daemon.config.ready.Desired;
import dev.culvert.daemon.config.ready.DesiredEsp;
import dev.culvert.daemon.config.ready.EspPeers;
import dev.culvert.daemon.observe.KeysReading;
import dev.culvert.daemon.socket.Handed;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.EspPeerStatus;
import dev.culvert.tunnel.esp.SaSecret;
import dev.culvert.tunnel.gateway.Descriptors;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.gateway.RunningTunnel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** An ESP device of any keying. */
final class RunningEsp implements Running {
  private final EspDevice<?> device;
  private final RunningKeying keying;

  /** The endpoints that names stand for, by the peer's name. */
  private final Map<String, Endpoint> places = new HashMap<>();

  /** The bytes that each peer had sent when it was last asked about. */
  private final Map<String, Long> heard = new HashMap<>();

  private EspConfig config;
  private EspPeers wanted;
  private List<NamedPeer> named;
  private List<EspPeerSettings> peers;

  private RunningEsp(RunningKeying keying, DesiredEsp desired) {
    this.keying = keying;
    device = keying.device();
    config = desired.esp();
    wanted = desired.peers();
    named = desired.config().namedPeers();
    peers = wanted.numeric();
  }

  static RunningEsp open(Machine machine, DesiredEsp desired, int mtu) throws IOException {
    RunningEsp tunnel = make(machine, desired, mtu, null);
    try {
      tunnel.keying.prepare(desired);
      tunnel.configure(desired, tunnel.peers, false);
      return tunnel;
    } catch (IOException | RuntimeException e) {
      tunnel.close();
      throw e;
    }
  }

  static RunningEsp inherit(Machine machine, DesiredEsp desired, int mtu, Descriptors from)
      throws IOException {
    return make(machine, desired, mtu, from);
  }

  private static RunningEsp make(
      Machine machine, DesiredEsp desired, int mtu, @Nullable Descriptors from) throws IOException {
    GatewayConfig config = desired.config();
    GatewayOptions options =
        GatewayOptions.esp(
                config.interfaceName(),
                mtu,
                config.lanes(),
                NumberProperty.HELPERS.orElse(GatewayOptions.BY_MACHINE),
                config.listenPort(),
                config.socketMark(),
                desired.esp().encapsulation())
            .with(config.offload())
            .rehearsing(NumberProperty.longestStartRehearsal())
            .continuing(from, mtu == 0);
    return new RunningEsp(RunningKeying.open(machine, options, desired), desired);
  }

  /** The SAs of the peers that stay go on. */
  @Override
  public synchronized void restore(@Nullable StateReader state, Desired desired)
      throws IOException {
    if (!(desired instanceof DesiredEsp wantedNow)) {
      throw new IllegalArgumentException("not for ESP");
    }
    keying.prepare(wantedNow);
    settle(places(state));
    configure(wantedNow, peers, true);
    if (state != null) {
      device.restore(state);
    }
  }

  private static Map<String, Endpoint> places(@Nullable StateReader state) throws DeviceException {
    Map<String, Endpoint> places = new HashMap<>();
    if (state != null) {
      try {
        state.list(() -> places.put(state.text(), state.endpoint()));
      } catch (StateException e) {
        throw DeviceException.unreadable(e);
      }
    }
    return places;
  }

  /** Takes the endpoints that a predecessor knew names to stand for. */
  private void settle(Map<String, Endpoint> known) throws IOException {
    places.putAll(known);
    places.keySet().retainAll(named.stream().map(NamedPeer::id).toList());
    try {
      peers = wanted.settings(places);
    } catch (ConfigException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  /**
   * Applies settings.
   *
   * @param keepPort whether a port of the kernel's choice stays
   */
  private void configure(DesiredEsp desired, List<EspPeerSettings> now, boolean keepPort)
      throws DeviceException {
    GatewayConfig gateway = desired.config();
    int port = keepPort && gateway.listenPort() == 0 ? tunnel().listenPort() : gateway.listenPort();
    device.configure(now, port, gateway.socketMark());
  }

  @Override
  public synchronized void pause(StateWriter out) throws DeviceException {
    out.list(places.entrySet(), entry -> out.text(entry.getKey()).endpoint(entry.getValue()));
    tunnel().pause(out);
  }

  @Override
  public void serve(Machine machine, Handed handed) {
    handed.close(); // ESP has no UAPI.
  }

  @Override
  public Handed handOverUapi() {
    return Handed.NOTHING;
  }

  @Override
  public void resumeUapi() {
    // ESP has no UAPI.
  }

  @Override
  public synchronized int apply(Desired desired) throws ConfigException, IOException {
    if (!(desired instanceof DesiredEsp next)) {
      throw new IllegalArgumentException("not for ESP");
    }
    if (next.esp().esn() != config.esn()
        || next.esp().encapsulation() != config.encapsulation()
        || !keying.prepare(next)) {
      throw ConfigException.of(
          Path.of(next.config().interfaceName()),
          "keying, this node's keys, esn and encapsulation change only with a restart of the"
              + " gateway; a new key comes into the key file, with 'culvert key rotate'");
    }
    List<NamedPeer> names = next.config().namedPeers();
    Set<NamedPeer> same = new HashSet<>(named);
    same.retainAll(names);
    Map<String, Endpoint> kept = new HashMap<>(places);
    kept.keySet().retainAll(same.stream().map(NamedPeer::id).toList());
    List<EspPeerSettings> settings = next.peers().settings(kept);
    configure(next, settings, false);
    places.keySet().retainAll(kept.keySet());
    Set<EspPeerSettings> changed = new HashSet<>(settings);
    peers.forEach(
        before -> {
          if (!changed.remove(before)) {
            changed.add(before);
          }
        });
    config = next.esp();
    wanted = next.peers();
    named = names;
    peers = settings;
    keying.look();
    return (int) changed.stream().map(EspPeerSettings::name).distinct().count();
  }

  @Override
  public synchronized Map<String, PeerSign> signs(Collection<String> asked) throws DeviceException {
    Map<String, PeerSign> signs = new HashMap<>();
    for (EspPeerStatus peer : device.peers()) {
      String name = peer.settings().name();
      if (asked.contains(name)) {
        Long before = heard.put(name, peer.rxBytes());
        boolean silent = before != null && before == peer.rxBytes();
        signs.put(
            name,
            new PeerSign(
                peer.endpoint(), silent ? PeerSign.Answer.NOTHING_HEARD : PeerSign.Answer.HEARD));
      }
    }
    return signs;
  }

  @Override
  public synchronized void forget(Set<String> names) throws DeviceException {
    List<EspPeerSettings> left =
        peers.stream().filter(peer -> !names.contains(peer.name())).toList();
    if (left.size() < peers.size()) {
      device.configure(left, tunnel().listenPort(), tunnel().fwmark());
      peers = left;
    }
  }

  @Override
  public synchronized Identity identity() throws DeviceException {
    KeyingView keys = keying.view();
    GlobalKeyView global = keys.globalKey();
    return global == null
        ? new Identity("noise", keys.publicKey(), 0)
        : new Identity("esp", null, global.published());
  }

  @Override
  public synchronized void move(String peer, Endpoint to) throws IOException {
    Map<String, Endpoint> next = new HashMap<>(places);
    next.put(peer, to);
    try {
      List<EspPeerSettings> settings = wanted.settings(next);
      device.configure(settings, tunnel().listenPort(), tunnel().fwmark());
      peers = settings;
      places.put(peer, to);
    } catch (ConfigException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  @Override
  public RunningTunnel tunnel() {
    return device.tunnel();
  }

  @Override
  public synchronized GatewayView view(String file) throws DeviceException {
    return EspView.of(
        device,
        file,
        config.keying().name(),
        config.esn(),
        keying.view(),
        config.localRanges().stream().map(Prefix::toString).toList());
  }

  @Override
  public synchronized KeysReading keys() throws DeviceException {
    GlobalKeyView global = keying.view().globalKey();
    return KeysReading.of(
        device.securityAssociations(), global, global == null ? null : changed(global.file()));
  }

  private static @Nullable Long changed(String file) {
    try {
      return Files.getLastModifiedTime(Path.of(file)).to(TimeUnit.SECONDS);
    } catch (IOException e) {
      return null; // The keys that were read before stay in force.
    }
  }

  @Override
  public List<String> keyLog() throws DeviceException {
    List<SaSecret> secrets = device.secrets();
    try {
      return EspKeyLines.of(secrets);
    } finally {
      secrets.forEach(SaSecret::close);
    }
  }

  @Override
  public void end() {
    keying.close();
    device.tunnel().close();
  }

  @Override
  public void close() {
    end();
  }
}
