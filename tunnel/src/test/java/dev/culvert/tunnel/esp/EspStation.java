// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static java.util.stream.Collectors.toMap;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.testing.Station;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** An ESP engine whose keys the test hands out. */
final class EspStation extends Station {
  static final int SPI = 0x0000_4321;

  final TestKeying keying = new TestKeying();
  final EspEngine engine;
  final DataPath path;
  private final List<EspPeerSettings> peers = new ArrayList<>();

  EspStation(String name, int number) {
    this(name, number, backend());
  }

  EspStation(String name, int number, AeadBackend backend) {
    super(name, number, 4500);
    engine = new EspEngine(keying, Map.of(AeadAlgorithm.AES_GCM, backend));
    path = engine.newDataPath();
  }

  /** One with addresses of these families. */
  EspStation(String name, int number, boolean innerV4, boolean outerV4) {
    super(
        name,
        IpAddress.parse((innerV4 ? "10.0.0." : "fd00::") + number),
        Endpoint.of(IpAddress.parse((outerV4 ? "192.0.2." : "2001:db8::") + number), 4500));
    engine = new EspEngine(keying, Map.of(AeadAlgorithm.AES_GCM, backend()));
    path = engine.newDataPath();
  }

  /** One with this inner address, and the fastest cipher here for every algorithm. */
  EspStation(String name, IpAddress inner, int number) {
    super(name, inner, Endpoint.of(IpAddress.parse("192.0.2." + number), 4500));
    Map<AeadAlgorithm, AeadBackend> backends =
        Arrays.stream(AeadAlgorithm.values()).collect(toMap(a -> a, AeadBackends::first));
    engine = new EspEngine(keying, backends);
    path = engine.newDataPath();
  }

  static AeadBackend backend() {
    return AeadBackends.first(AeadAlgorithm.AES_GCM);
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

  Selectors selectors(Station other) {
    return new Selectors(List.of(Prefix.host(inner)), List.of(Prefix.host(other.inner)));
  }

  @Override
  public void knows(Station other) {
    knows(other, 0);
  }

  void knows(Station other, int keepaliveSeconds) {
    peers.add(
        new EspPeerSettings(
            other.name,
            address.address(),
            other.address.address(),
            other.address,
            selectors(other),
            EspPeerSettings.Binding.SELECTORS,
            keepaliveSeconds));
    engine.peers(peers, 0);
  }

  @Override
  public EspPeer peer(Station other) {
    EspPeer peer =
        (EspPeer)
            (other.inner.v4()
                ? engine.route4((int) other.inner.low())
                : engine.route6(other.inner.high(), other.inner.low()));
    assertNotNull(peer, name + " has no route to " + other.name);
    return peer;
  }

  /** Key {@code seed} of so many bytes; every call another copy. */
  static SecretBytes key(long seed, int bytes) {
    byte[] key = new byte[bytes];
    new Random(seed).nextBytes(key);
    return SecretBytes.owning(key);
  }

  /** An SA of this end; its key comes from {@code seed}. */
  SaParameters sa(Station other, long seed, boolean esn) {
    return sa(other, SPI, seed, esn, 1);
  }

  SaParameters sa(Station other, int spi, long seed, boolean esn, long first) {
    long end = esn ? SaParameters.LIMIT_64 : SaParameters.LIMIT_32;
    return new SaParameters(
        spi,
        AeadAlgorithm.AES_GCM,
        key(seed, seed % 2 == 0 ? 32 : 16),
        (int) seed * 77,
        esn,
        first,
        end,
        end,
        selectors(other));
  }

  void receiveUnder(Station other, SaParameters sa) {
    tell(new KeyingEvent.AddInbound(other.name, sa));
  }

  void sendUnder(Station other, SaParameters sa) {
    tell(new KeyingEvent.UseOutbound(other.name, sa));
  }

  void tell(KeyingEvent event) {
    keying.events.add(event);
    turn();
  }

  /** One turn of the control thread, without sending. */
  void turn() {
    engine.advance(0, 0);
    for (var event = engine.pollEvent(); event != null; event = engine.pollEvent()) {
      events.add(event);
    }
  }

  /** Both send and receive with one key per direction. */
  static void join(EspStation a, EspStation b, boolean esn, long seed, long first) {
    b.receiveUnder(a, b.sa(a, SPI, seed, esn, first));
    a.receiveUnder(b, a.sa(b, SPI, seed + 1000, esn, first));
    a.sendUnder(b, a.sa(b, SPI, seed, esn, first));
    b.sendUnder(a, b.sa(a, SPI, seed + 1000, esn, first));
  }
}
