// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.esp.EspEngine;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.testing.Station;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** An ESP engine with keys from the global key 3. */
final class GlobalStation extends Station {
  final GlobalKeying keying;
  private final EspEngine engine;
  private final DataPath path;
  private final Map<String, EspPeerSettings> peers = new LinkedHashMap<>();

  GlobalStation(String name, int number, boolean esn) {
    this(name, number, esn, number);
  }

  /**
   * @param seed of all that the station draws: another for a station that starts again
   */
  GlobalStation(String name, int number, boolean esn, long seed) {
    super(name, number, 4500);
    try (KeyFile file = TestKeys.file(3)) {
      keying = new GlobalKeying(file, esn, new Random(seed));
    }
    engine =
        new EspEngine(
            keying, Map.of(AeadAlgorithm.AES_GCM, AeadBackends.first(AeadAlgorithm.AES_GCM)));
    path = engine.newDataPath();
  }

  @Override
  public EspEngine engine() {
    return engine;
  }

  @Override
  public DataPath path() {
    return path;
  }

  @Override
  protected int mtu() {
    return 1438;
  }

  @Override
  public void knows(Station other) {
    knows(other, other.address, List.of(Prefix.host(inner)), List.of(Prefix.host(other.inner)));
  }

  /** As {@link #knows(Station)}, but the other may also be at these addresses. */
  void knows(Station other, List<IpAddress> otherAddresses) {
    peers.put(
        other.name,
        new EspPeerSettings(
            other.name,
            address.address(),
            other.address.address(),
            other.address,
            new Selectors(List.of(Prefix.host(inner)), List.of(Prefix.host(other.inner))),
            EspPeerSettings.Binding.SELECTORS,
            0,
            otherAddresses));
    engine.peers(peers.values(), 0);
  }

  void knows(Station other, Endpoint at, List<Prefix> local, List<Prefix> remote) {
    peers.put(
        other.name,
        new EspPeerSettings(
            other.name,
            address.address(),
            other.address.address(),
            at,
            new Selectors(local, remote)));
    engine.peers(peers.values(), 0);
  }

  @Override
  public TunnelPeer peer(Station other) {
    TunnelPeer peer = engine.route4((int) other.inner.low());
    assertNotNull(peer, name + " has no route to " + other.name);
    return peer;
  }

  /** The notices to an operator. */
  List<String> notices() {
    return events(TunnelEvent.Notice.class).stream().map(TunnelEvent.Notice::message).toList();
  }
}
