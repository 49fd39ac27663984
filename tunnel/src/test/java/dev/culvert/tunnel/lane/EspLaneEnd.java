// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.EspEngine;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.MessageFilter;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.SaParameters;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.TestTun;
import dev.culvert.tunnel.port.UdpOptions;
import dev.culvert.tunnel.port.UdpPort;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** As {@link LaneEnd}, with an ESP engine whose keys the test hands out. */
final class EspLaneEnd implements TestEnd {
  private static final IpAddress LOOPBACK = IpAddress.parse("127.0.0.1");
  private static final int MTU = 1420;

  private final int number;
  private final TestTun tun = new TestTun();
  private final UdpPort socket = UdpPort.bind(IpFamily.V4, 0, false, UdpOptions.DEFAULT);
  private final Handed keying = new Handed();
  private final List<EspPeerSettings> peers = new ArrayList<>();
  private final EspEngine engine;
  private final HelperLanes helpers;
  private final Lane lane;

  /** Runs the actions that the test queues. */
  private static final class Handed implements Keying {
    private final DropCounters drops = new DropCounters();
    private final ArrayDeque<KeyingEvent> events = new ArrayDeque<>();

    @Override
    public void peers(Collection<EspPeerSettings> all) {}

    @Override
    public MessageFilter newFilter() {
      return (message, length, from) -> DropReason.BAD_HANDSHAKE;
    }

    @Override
    public void receive(
        byte[] message, Endpoint from, boolean underLoad, long nowNanos, long wallNanos) {}

    @Override
    public void advance(long nowNanos, long wallNanos) {}

    @Override
    public void startAfresh(long nowNanos, long wallNanos) {}

    @Override
    public void wanted(String peer, long nowNanos) {}

    @Override
    public void runningLow(String peer, SaKeyId key, long nextSequence, long nowNanos) {}

    @Override
    public DropCounters drops() {
      return drops;
    }

    @Override
    public @Nullable KeyingEvent pollEvent() {
      return events.poll();
    }

    @Override
    public @Nullable Message pollMessage() {
      return null;
    }

    @Override
    public String kind() {
      return "handed";
    }

    @Override
    public void save(StateWriter out, long nowNanos) {}

    @Override
    public KeyingState read(StateReader in, KeyingState.Context context) {
      return KeyingState.NOTHING;
    }

    @Override
    public void goOn() {}

    @Override
    public long nextDeadlineNanos() {
      return Long.MAX_VALUE;
    }

    @Override
    public void close() {}
  }

  /**
   * @param number owner of 10.0.{@code number}.0/24
   */
  EspLaneEnd(int number, boolean merging, int helperCount, AeadBackend aead, Faults faults)
      throws IOException {
    this.number = number;
    engine = new EspEngine(keying, Map.of(AeadAlgorithm.AES_GCM, aead));
    helpers =
        new HelperLanes(
            "test-" + number, helperCount, () -> faults.around(engine.newDataPath()), died -> {});
    lane =
        TestEnd.lane(
            tun,
            merging,
            engine,
            () -> null,
            faults::around,
            helpers,
            TestEnd.segmentation(),
            () -> 0,
            MTU,
            faults);
    lane.useSockets(socket, null);
    helpers.start();
  }

  /** Both know each other, and have an SA each way. */
  void connect(EspLaneEnd other) {
    knows(other);
    other.knows(this);
    other.tell(new KeyingEvent.AddInbound(name(), other.sa(this, this)));
    tell(new KeyingEvent.AddInbound(other.name(), sa(other, other)));
    tell(new KeyingEvent.UseOutbound(other.name(), sa(other, this)));
    other.tell(new KeyingEvent.UseOutbound(name(), other.sa(this, other)));
  }

  private void knows(EspLaneEnd other) {
    peers.add(
        new EspPeerSettings(
            other.name(),
            LOOPBACK,
            LOOPBACK,
            Endpoint.of(LOOPBACK, other.socket.port()),
            selectors(other),
            EspPeerSettings.Binding.SELECTORS,
            0));
    engine.peers(peers, 0);
  }

  private Selectors selectors(EspLaneEnd other) {
    return new Selectors(List.of(range(number)), List.of(range(other.number)));
  }

  private static Prefix range(int node) {
    return Prefix.parse("10.0." + node + ".0/24");
  }

  private void tell(KeyingEvent event) {
    keying.events.add(event);
    engine.advance(0, 0);
    while (engine.pollEvent() != null) {}
  }

  /** This end's parameters of the SA between it and {@code other} on which {@code sender} sends. */
  private SaParameters sa(EspLaneEnd other, EspLaneEnd sender) {
    EspLaneEnd receiver = sender == this ? other : this;
    int spi = 0x1000 + sender.number * 256 + receiver.number;
    byte[] key = new byte[16];
    Arrays.fill(key, (byte) spi);
    return new SaParameters(
        spi,
        AeadAlgorithm.AES_GCM,
        SecretBytes.owning(key),
        spi,
        true,
        1,
        SaParameters.LIMIT_64,
        SaParameters.LIMIT_64,
        selectors(other));
  }

  private String name() {
    return "node-" + number;
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
  }
}
