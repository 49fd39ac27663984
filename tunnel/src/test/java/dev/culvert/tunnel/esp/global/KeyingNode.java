// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.SaParameters;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.testing.Node;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** A node with a keying and as much of an engine as tells which packets get through. */
public final class KeyingNode implements Node {
  public static final Selectors ANY =
      new Selectors(
          List.of(Prefix.parse("0.0.0.0/0"), Prefix.parse("::/0")),
          List.of(Prefix.parse("0.0.0.0/0"), Prefix.parse("::/0")));

  private static final int PORT = 4500;

  /** A sealed packet: which key, which IV, which of the numbered packets. */
  record Packet(SaKeyId key, int spi, long sequence, long number) {}

  final IpAddress address;
  private final List<IpAddress> peers;
  private final KeyingScene scene;
  GlobalKeying keying;
  private final Map<String, Outbound> outbound = new HashMap<>();
  private final Map<String, LinkedHashMap<SaKeyId, SaParameters>> inbound = new HashMap<>();
  final List<TunnelEvent.Notice> notices = new ArrayList<>();
  final List<KeyingEvent> events = new ArrayList<>();

  /** Messages that the lane's filter stopped. */
  int refused;

  private static final class Outbound {
    final SaParameters sa;
    final SaKeyId key;
    long sequence;

    Outbound(SaParameters sa) {
      this.sa = sa;
      key = sa.keyId();
      sequence = sa.firstSequence();
    }
  }

  KeyingNode(
      KeyingScene scene,
      String address,
      List<String> peers,
      KeyFile file,
      RandomGenerator randomness) {
    this.scene = scene;
    this.address = IpAddress.parse(address);
    this.peers = peers.stream().map(IpAddress::parse).toList();
    keying = start(file, randomness);
    scene.network.add(this);
  }

  private GlobalKeying start(KeyFile file, RandomGenerator randomness) {
    GlobalKeying fresh = new GlobalKeying(file, true, randomness);
    fresh.peers(
        peers.stream()
            .map(
                peer ->
                    new EspPeerSettings(
                        peer.toString(), address, peer, Endpoint.of(peer, PORT), ANY))
            .toList());
    return fresh;
  }

  /** As after kill -9: nothing of the old process is left. */
  void restart(KeyFile file, RandomGenerator randomness) {
    outbound.clear();
    inbound.clear();
    keying = start(file, randomness);
  }

  @Override
  public Endpoint address() {
    return Endpoint.of(address, PORT);
  }

  @Override
  public long nextDeadlineNanos() {
    return keying.nextDeadlineNanos();
  }

  @Override
  public void advance(SimulatedNetwork network) {
    keying.advance(network.now, network.wall(this));
    drain();
  }

  @Override
  public void arrive(SimulatedNetwork network, Endpoint from, byte[] bytes) {
    receive(bytes, from, network.now, network.wall(this));
  }

  void receive(byte[] message, Endpoint sender, long now, long wall) {
    if (keying.newFilter().refuse(message, message.length, sender) != null) {
      refused++;
    } else {
      keying.receive(message, sender, false, now, wall);
      drain();
    }
  }

  void rotate(KeyFile file, long now) throws RotationRefusedException {
    keying.rotate(file, now);
    drain();
  }

  /** As if this machine had been restored from a snapshot. */
  void startAfresh(long now) {
    keying.startAfresh(now, now);
    drain();
  }

  void drain() {
    for (KeyingEvent event = keying.pollEvent(); event != null; event = keying.pollEvent()) {
      events.add(event);
      apply(event);
    }
    for (Keying.Message message = keying.pollMessage();
        message != null;
        message = keying.pollMessage()) {
      IpAddress to = IpAddress.parse(String.valueOf(message.peer()));
      scene.network.transmit(address(), Endpoint.of(to, PORT), message.bytes());
    }
    for (TunnelEvent notice = keying.pollNotice(); notice != null; notice = keying.pollNotice()) {
      notices.add((TunnelEvent.Notice) notice);
    }
  }

  private void apply(KeyingEvent event) {
    switch (event) {
      case KeyingEvent.AddInbound add -> {
        LinkedHashMap<SaKeyId, SaParameters> sas =
            inbound.computeIfAbsent(add.peer(), peer -> new LinkedHashMap<>());
        scene.checkFresh(sas.put(add.sa().keyId(), add.sa()) == null);
      }
      case KeyingEvent.RemoveInbound remove -> inboundOf(remove.peer()).remove(remove.key());
      case KeyingEvent.UseOutbound use -> {
        outbound.put(use.peer(), new Outbound(use.sa()));
        scene.keyUsed(use.sa().keyId());
      }
      case KeyingEvent.MoveOutbound move -> throw new AssertionError("none here: " + move);
      case KeyingEvent.ExtendOutbound extend -> throw new AssertionError("none here: " + extend);
      case KeyingEvent.StopSending stop -> outbound.remove(stop.peer());
      case KeyingEvent.EndOutbound e -> throw new AssertionError(e);
      case KeyingEvent.SendDummy e -> throw new AssertionError(e);
      case KeyingEvent.Heard heard -> {}
    }
  }

  private Map<SaKeyId, SaParameters> inboundOf(String peer) {
    return inbound.getOrDefault(peer, new LinkedHashMap<>());
  }

  int inboundCount(KeyingNode peer) {
    return inboundOf(peer.address.toString()).size();
  }

  /** The id of the key that packets to {@code peer} go out under, or 0. */
  int sendingUnder(KeyingNode peer) {
    Outbound sa = outbound.get(peer.address.toString());
    return sa == null ? 0 : sa.sa.spi();
  }

  /** The key that packets to {@code peer} go out under, or null. */
  @Nullable SaKeyId keyTo(KeyingNode peer) {
    Outbound sa = outbound.get(peer.address.toString());
    return sa == null ? null : sa.key;
  }

  @Nullable SecretBytes secretTo(KeyingNode peer) {
    Outbound sa = outbound.get(peer.address.toString());
    return sa == null ? null : sa.sa.key();
  }

  /** Seals one numbered packet, or null if there is no SA to send under. */
  @Nullable Packet seal(KeyingNode peer, long number) {
    Outbound sa = outbound.get(peer.address.toString());
    return sa == null ? null : new Packet(sa.key, sa.sa.spi(), sa.sequence++, number);
  }

  boolean opens(Packet packet, KeyingNode from) {
    return inboundOf(from.address.toString()).containsKey(packet.key());
  }
}
