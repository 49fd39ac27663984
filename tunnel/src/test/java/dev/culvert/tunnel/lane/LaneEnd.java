// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.Classifier;
import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Policy;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.TestTun;
import dev.culvert.tunnel.port.UdpOptions;
import dev.culvert.tunnel.port.UdpPort;
import dev.culvert.tunnel.train.Train;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import dev.culvert.tunnel.wireguard.WireGuardEngine;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A lane with its engine, a socket on the loopback interface, and a {@link TestTun}. No thread
 * drives it but the test's. Time stands still.
 */
public final class LaneEnd implements TestEnd {
  static final long NOW = 0;
  private static final long WALL_NANOS = 1_700_000_000_000_000_000L;
  private static final int MTU = 1420;

  private final int number;
  private final SecretBytes privateKey;
  private final PublicKey publicKey;
  private final DataPath controlPath;
  public final WireGuardEngine engine;
  public final TestTun tun = new TestTun();
  public final UdpPort socket = UdpPort.bind(IpFamily.V4, 0, false, UdpOptions.DEFAULT);
  final AtomicReference<@Nullable ClusterRoutes> clusterRoutes = new AtomicReference<>();
  final HelperLanes helpers;
  final SegmentationSwitch segmentation = TestEnd.segmentation();
  long now = NOW;
  public final Lane lane;

  /**
   * @param number owner of 10.0.{@code number}.0/24
   * @param merging whether the TUN takes super-packets
   * @param aead the packets' cipher
   * @param around put around every way through the engine
   */
  public LaneEnd(
      int number,
      boolean merging,
      int helperCount,
      AeadBackend aead,
      UnaryOperator<DataPath> around)
      throws IOException {
    this(number, merging, helperCount, aead, around, Faults.NONE);
  }

  /** The same, and the lane throws at the places that {@code faults} names. */
  public LaneEnd(
      int number,
      boolean merging,
      int helperCount,
      AeadBackend aead,
      UnaryOperator<DataPath> around,
      Faults faults)
      throws IOException {
    this.number = number;
    SecureRandom random = new SecureRandom();
    byte[] key = X25519.generatePrivateKey(random);
    publicKey = PublicKey.of(X25519.publicKey(key));
    privateKey = SecretBytes.owning(key);
    engine = new WireGuardEngine(aead, random);
    engine.apply(
        new DeviceUpdate(privateKey, OptionalInt.empty(), OptionalInt.empty(), false, List.of()));
    controlPath = engine.newDataPath();
    UnaryOperator<DataPath> all = path -> faults.around(around.apply(path));
    helpers =
        new HelperLanes(
            "test-" + number, helperCount, () -> all.apply(engine.newDataPath()), died -> {});
    lane =
        TestEnd.lane(
            tun,
            merging,
            engine,
            clusterRoutes::get,
            all,
            helpers,
            segmentation,
            () -> now,
            MTU,
            faults);
    lane.useSockets(socket, null);
    helpers.start();
  }

  private Endpoint endpoint() {
    return Endpoint.of(IpAddress.parse("127.0.0.1"), socket.port());
  }

  /** Both know each other and have a session that either may send under. */
  public void connect(LaneEnd other) {
    peerWith(other);
    other.peerWith(this);
    try (Arena arena = Arena.ofConfined()) {
      Datagram datagram = new Datagram(arena);
      sealKeepalive(datagram, other);
      boolean moved = true;
      while (moved) {
        moved = carryTo(other, datagram);
        moved |= other.carryTo(this, datagram);
      }
    }
  }

  private void peerWith(LaneEnd other) {
    reach(other, other.endpoint());
  }

  /** Knows the other end at this address from now on; a session goes on. */
  void reach(LaneEnd other, Endpoint at) {
    List<PeerUpdate.AllowedIpChange> inner =
        Stream.of(
                "10.0." + other.number + ".0/24",
                "fd00:0:0:" + other.number + "::/64",
                "fd00:0:1:" + other.number + "::/64",
                "::10.0." + other.number + ".0/120")
            .map(range -> new PeerUpdate.AllowedIpChange(Prefix.parse(range), false))
            .toList();
    PeerUpdate peer =
        new PeerUpdate(other.publicKey, false, false, null, at, OptionalInt.empty(), false, inner);
    engine.apply(
        new DeviceUpdate(null, OptionalInt.empty(), OptionalInt.empty(), false, List.of(peer)));
  }

  private void sealKeepalive(Datagram scratch, LaneEnd to) {
    Train train = new Train().startAt(scratch.memory(), 0, engine.overhead().headroom());
    train.add(0, engine.overhead().sealedLength(0, MTU));
    TunnelPeer peer = engine.route4(10 << 24 | to.number << 8 | 1);
    if (peer == null) {
      throw new IllegalStateException("no route to " + to.number);
    }
    controlPath.seal(peer, train, NOW);
  }

  private boolean carryTo(LaneEnd other, Datagram datagram) {
    engine.advance(NOW, WALL_NANOS);
    boolean any = false;
    while (engine.pollTransmit(datagram, NOW)) {
      int length = datagram.length();
      Train received = new Train().received(datagram.memory(), 0, length, 1, length);
      other.controlPath.open(received, endpoint(), NOW);
      any = true;
    }
    while (engine.pollEvent() != null) {
      any = true;
    }
    return any;
  }

  /** This end as a node of a cluster: 10.0.n.1 with the pods around it, and the same in fd00::. */
  public ClusterNode node(String role) {
    return new ClusterNode(
        name(),
        Set.of(role),
        Map.of(),
        List.of(
            IpAddress.parse("10.0." + number + ".1"),
            IpAddress.parse("fd00:0:0:" + number + "::1")),
        List.of(),
        List.of(
            Prefix.parse("10.0." + number + ".0/24"), Prefix.parse("fd00:0:0:" + number + "::/64")),
        publicKey.toString());
  }

  public String name() {
    return "node-" + number;
  }

  /** The lane goes by this cluster from its next batch on. */
  void join(ClusterMap map, Policy policy) {
    clusterRoutes.set(ClusterRoutes.of(Classifier.of(map, policy, name()), engine::peer));
  }

  @Override
  public Lane lane() {
    return lane;
  }

  @Override
  public TestTun tun() {
    return tun;
  }

  @Override
  public UdpPort socket() {
    return socket;
  }

  @Override
  public HelperLanes helpers() {
    return helpers;
  }

  @Override
  public void close() {
    lane.close();
    helpers.close();
    socket.close();
    tun.close();
    engine.close();
    privateKey.close();
  }
}
