// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static java.util.concurrent.TimeUnit.SECONDS;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.PrefixTable;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.engine.Isolation;
import dev.culvert.tunnel.engine.KeyTrust;
import dev.culvert.tunnel.engine.MessageQueue;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.engine.PeerReading;
import dev.culvert.tunnel.engine.PeerState;
import dev.culvert.tunnel.engine.ReadyPeers;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * ESP in tunnel mode, sans-I/O (RFC 4303, RFC 4106, RFC 3948). Keys come from a {@link Keying},
 * whose messages travel on the same UDP port behind the non-ESP marker. See {@link TunnelEngine}
 * for the threads that may call each method; {@link #route4}, {@link #route6} and {@link
 * #useBackend} are thread-safe.
 */
public final class EspEngine implements TunnelEngine, AutoCloseable {
  /** The most messages per {@link #advance}, so that timers and transmission get their turn. */
  private static final int MESSAGES_AT_ONCE = 64;

  /** The contents of a dummy packet. */
  private static final byte[] NOTHING = {};

  private final Keying keying;
  private final DropCounters drops;
  private final EspState shared;
  private final Map<String, EspPeer> peers = new LinkedHashMap<>();
  private final ReadyPeers<EspPeer> ready = new ReadyPeers<>();
  private final ArrayDeque<TunnelEvent> events = new ArrayDeque<>();
  private final SaTable sas;
  private final EspDataPath controlPath;
  private final Train single = new Train();
  private final Isolation isolation;
  private final HandOver handOver;

  /** Written by the control thread; never too late, perhaps too early. */
  private volatile long nextKeepalive = NatKeepalive.NEVER;

  /**
   * @param keying closed with this engine
   * @param backends the ciphers by algorithm; SAs of other algorithms are refused
   */
  public EspEngine(Keying keying, Map<AeadAlgorithm, AeadBackend> backends) {
    this.keying = keying;
    drops = keying.drops();
    shared = new EspState(keying);
    backends.forEach(shared::backend);
    sas = new SaTable(shared, events::add);
    controlPath = new EspDataPath(shared, drops);
    isolation = new Isolation(drops, events::add);
    handOver = new HandOver(shared, sas, drops, peers);
  }

  @Override
  public DataPath newDataPath() {
    return new EspDataPath(shared, new DropCounters());
  }

  /**
   * Replaces all peers. A peer that the keying takes for another one, or whose settings changed in
   * more than {@link EspPeerSettings#continues} allows, begins anew, but keeps its learnt address
   * if its configured endpoint is the same; the others keep their SAs.
   *
   * @throws IllegalArgumentException if two have one name, or the keying cannot have one; nothing
   *     was changed
   */
  public void peers(Collection<EspPeerSettings> settings, long nowNanos) {
    Map<String, EspPeerSettings> wanted = new HashMap<>();
    for (EspPeerSettings peer : settings) {
      if (wanted.put(peer.name(), peer) != null) {
        throw new IllegalArgumentException("two peers of the name " + peer.name());
      }
    }
    keying.peers(settings);
    Map<String, Endpoint> learnt = new HashMap<>();
    for (EspPeer peer : List.copyOf(peers.values())) {
      EspPeerSettings now = wanted.get(peer.toString());
      if (now == null
          || !now.continues(peer.settings())
          || peer.keepalive().keying() != keying.traffic(peer.toString())) {
        Endpoint at = peer.endpoint();
        if (now != null && at != null && now.endpoint().equals(peer.settings().endpoint())) {
          learnt.put(now.name(), at);
        }
        remove(peer);
      } else {
        peer.settings(now).forEach(this::end);
      }
    }
    for (EspPeerSettings peer : settings) {
      peers.computeIfAbsent(peer.name(), name -> newPeer(peer, learnt.get(name), nowNanos));
    }
    Map<Prefix, EspPeer> owners = new HashMap<>();
    for (EspPeer peer : peers.values()) {
      peer.settings().selectors().remote().forEach(prefix -> owners.put(prefix, peer));
    }
    shared.owners = PrefixTable.of(owners);
    obey(nowNanos);
    sas.peersMoved();
    sas.publish();
  }

  private EspPeer newPeer(EspPeerSettings settings, @Nullable Endpoint learnt, long nowNanos) {
    NatKeepalive keepalive =
        new NatKeepalive(
            keying.traffic(settings.name()),
            SECONDS.toNanos(settings.keepaliveSeconds()),
            nowNanos);
    nextKeepalive = Math.min(nextKeepalive, keepalive.dueAt());
    EspPeer peer = new EspPeer(settings, keepalive, shared.staging);
    if (learnt != null) {
      peer.endpoint(learnt);
      peer.reported(learnt);
    }
    return peer;
  }

  private void remove(EspPeer peer) {
    peers.remove(peer.toString());
    shared.removed = shared.removed.with(peer);
    sas.removeInbound(peer);
    peer.senders().forEach(this::end);
    peer.endpoint(null);
  }

  /** Ends sending to a peer, or to a part of it. */
  private void end(EspPeer sender) {
    sas.stopSending(sender);
    drops.count(DropReason.NO_SESSION, sender.staged().close());
  }

  @Override
  public @Nullable TunnelPeer peer(String name) {
    return peers.get(name);
  }

  @Override
  public @Nullable TunnelPeer route4(int destination) {
    EspPeer owner = shared.owners.lookup4(destination);
    return owner == null ? null : owner.towards4(destination);
  }

  @Override
  public @Nullable TunnelPeer route6(long high, long low) {
    EspPeer owner = shared.owners.lookup6(high, low);
    return owner == null ? null : owner.towards6(high, low);
  }

  /** Has lanes seal and open with another backend, from their next train on. */
  public void useBackend(AeadAlgorithm algorithm, AeadBackend backend) {
    shared.backend(algorithm, backend);
  }

  /**
   * Writes the state for the process that continues this engine. On the control thread, while no
   * lane runs; this engine must not be used any more afterwards, except for {@link #jumpAhead}.
   */
  @Override
  public void save(StateWriter out, long nowNanos) {
    handOver.save(out, nowNanos);
  }

  /**
   * Continues the engine of another process. To be called after the first {@link #peers}, before
   * anything else and while no lane runs. The SAs of peers that are the same go on, with all send
   * counters ahead by {@link SafetyJump#PACKETS}; other peers begin anew.
   *
   * @param savedAtNanos the moment of {@link #save} on this process's monotonic clock
   * @throws StateException if the state cannot be read; nothing was changed
   */
  @Override
  public void restore(StateReader in, long savedAtNanos) throws StateException {
    restore(in, savedAtNanos, SafetyJump.PACKETS);
  }

  void restore(StateReader in, long savedAtNanos, long jump) throws StateException {
    handOver.restore(in, savedAtNanos, jump);
    obey(savedAtNanos);
    sas.publish();
    nextKeepalive = Long.MIN_VALUE;
  }

  /**
   * Goes on after {@link #save}, since the process that got the state has died before it sent
   * anything. While no lane runs.
   */
  @Override
  public void jumpAhead() {
    handOver.jumpAhead();
    // None of these events depends on the time.
    obey(Long.MIN_VALUE);
    sas.publish();
  }

  /** All security associations now. */
  public List<SaStatus> securityAssociations(long nowNanos) {
    return sas.status(peers.values(), nowNanos);
  }

  /** All peers now. */
  public List<EspPeerStatus> peerStatus() {
    return peers.values().stream()
        .map(
            peer ->
                new EspPeerStatus(
                    peer.settings(), peer.endpoint(), peer.txBytes().sum(), peer.rxBytes().sum()))
        .toList();
  }

  @Override
  public EngineReading reading(long nowNanos) {
    return new EngineReading(
        peers.values().stream().map(peer -> reading(peer, nowNanos)).toList(),
        shared.removed,
        keying.handshakes(),
        shared.staging.packets(),
        shared.messages.size());
  }

  private PeerReading reading(EspPeer peer, long nowNanos) {
    boolean sending = peer.senders().stream().anyMatch(sender -> sender.outbound() != null);
    PeerState state = keying.state(peer.toString(), sending, nowNanos);
    Endpoint at = peer.endpoint();
    return new PeerReading(
        peer.toString(),
        at,
        at == null && !sending ? PeerState.NO_ENDPOINT : state,
        keying.lastHandshake(peer.toString()),
        peer.txBytes().sum(),
        peer.rxBytes().sum());
  }

  /** The keys of all security associations, for reading a capture; the caller closes them. */
  public List<SaSecret> secrets() {
    return sas.secrets(peers.values());
  }

  @Override
  public Collection<? extends TunnelPeer> peers() {
    return peers.values();
  }

  @Override
  public Overhead overhead() {
    return EspOverhead.INSTANCE;
  }

  @Override
  public DropCounters drops() {
    return drops;
  }

  @Override
  public long nextDeadlineNanos() {
    return shared.requests.isEmpty() && shared.messages.isEmpty() && !shared.trust.isWithdrawn()
        ? Math.min(keying.nextDeadlineNanos(), nextKeepalive)
        : Long.MIN_VALUE;
  }

  @Override
  public void distrustKeys(String reason) {
    shared.trust.withdraw(reason);
  }

  private void endAllKeys(KeyTrust.Doubt doubt, long nowNanos, long wallNanos) {
    for (EspPeer peer : peers.values()) {
      sas.removeInbound(peer);
      peer.senders().forEach(sas::stopSending);
    }
    keying.startAfresh(nowNanos, wallNanos);
    obey(nowNanos);
    sas.publish();
    shared.trust.restore(doubt);
    events.add(new TunnelEvent.KeysEnded(doubt.reason()));
  }

  /** Does nothing, since the keying greets the peers that are new to it. */
  @Override
  public void greet() {}

  @Override
  public void advance(long nowNanos, long wallNanos) {
    KeyTrust.Doubt doubt = shared.trust.doubt();
    if (doubt != null) {
      endAllKeys(doubt, nowNanos, wallNanos);
    }
    shared.requests.serve(
        MESSAGES_AT_ONCE,
        (peer, requests) -> {
          if (peers.get(peer.toString()) == peer.whole()) {
            isolation.run(peer.toString(), () -> serve(peer, requests, nowNanos));
          }
        });
    for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
      boolean underLoad = shared.messages.isUnderLoad(nowNanos);
      MessageQueue.Message message = shared.messages.poll();
      if (message == null) {
        break;
      }
      isolation.run(
          "",
          () -> keying.receive(message.bytes(), message.from(), underLoad, nowNanos, wallNanos));
      obey(nowNanos);
    }
    isolation.run("", () -> keying.advance(nowNanos, wallNanos));
    obey(nowNanos);
    sas.publish();
    if (nowNanos >= nextKeepalive) {
      keepMappingsAlive(nowNanos);
    }
  }

  /** Marks the peers to which nothing was sent for their interval. */
  private void keepMappingsAlive(long nowNanos) {
    long next = NatKeepalive.NEVER;
    for (EspPeer peer : peers.values()) {
      if (nowNanos >= peer.keepalive().dueAt()) {
        peer.keepalive().messageSent(nowNanos);
        peer.keepaliveDue = true;
        ready.add(peer);
      }
      next = Math.min(next, peer.keepalive().dueAt());
    }
    nextKeepalive = next;
  }

  private void serve(EspPeer peer, int requests, long nowNanos) {
    if ((requests & EspPeer.MOVED) != 0) {
      peer.reportMove(events::add);
    }
    if ((requests & EspPeer.FLUSH) != 0) {
      ready.add(peer);
    }
    OutboundSa sa = peer.outbound();
    if ((requests & EspPeer.RUNNING_LOW) != 0 && sa != null && sa.takeNotice()) {
      keying.runningLow(peer.toString(), sa.keyId(), sa.next(), nowNanos);
      obey(nowNanos);
    }
    if ((requests & EspPeer.WANTED) != 0) {
      if (sa != null && sa.maySend(nowNanos)) {
        // The SA came up between the lane's look-up and its request.
        ready.add(peer);
      } else {
        keying.wanted(peer.toString(), nowNanos);
        obey(nowNanos);
      }
    }
  }

  /** Applies the keying's events; receive SAs reach lanes with the next {@link SaTable#publish}. */
  private void obey(long nowNanos) {
    for (KeyingEvent event = keying.pollEvent(); event != null; event = keying.pollEvent()) {
      KeyingEvent said = event;
      EspPeer peer = peers.get(event.peer());
      if (peer != null) {
        isolation.run(peer.toString(), () -> obey(said, peer, nowNanos));
      } else if (event instanceof KeyingEvent.AddInbound e) {
        e.sa().key().close();
      } else if (event instanceof KeyingEvent.UseOutbound e) {
        e.sa().key().close();
      }
    }
  }

  private void obey(KeyingEvent event, EspPeer peer, long nowNanos) {
    switch (event) {
      case KeyingEvent.AddInbound e -> sas.addInbound(peer, e.sa(), nowNanos);
      case KeyingEvent.RemoveInbound e -> sas.removeInbound(peer, e.key());
      case KeyingEvent.UseOutbound e -> {
        Endpoint at = peer.endpoint();
        EspPeer sender = peer.sender(e.sa().selectors());
        if (sender == null) {
          e.sa().key().close();
        } else {
          if (sas.useOutbound(sender, e.sa(), nowNanos) && at != null) {
            events.add(new TunnelEvent.SessionEstablished(peer.toString(), at, true));
          }
          ready.add(sender);
        }
      }
      case KeyingEvent.ExtendOutbound e -> {
        sas.extendOutbound(peer, e.key(), e.sequenceLimit(), e.noticeAt());
        ready.add(peer);
      }
      case KeyingEvent.MoveOutbound e -> {
        sas.moveOutbound(peer, e.key(), e.firstSequence(), e.sequenceLimit(), e.noticeAt());
        ready.add(peer);
      }
      case KeyingEvent.StopSending e -> {
        for (EspPeer sender : peer.senders()) {
          sas.stopSending(sender);
          drops.count(DropReason.NO_SESSION, sender.staged().clear());
        }
      }
      case KeyingEvent.EndOutbound e -> sas.stopSending(peer);
      case KeyingEvent.SendDummy e -> {
        for (EspPeer sender : peer.senders()) {
          OutboundSa sa = sender.outbound();
          if (sa != null && sa.maySend(nowNanos)) {
            sender.dummyDue = true;
            ready.add(sender);
            break;
          }
        }
      }
      case KeyingEvent.Heard e -> {
        if (peer.settings().isAt(e.from().address()) && peer.heardFrom(e.from())) {
          peer.reportMove(events::add);
        }
      }
    }
  }

  @Override
  public boolean pollTransmit(Datagram out, long nowNanos) {
    for (Keying.Message m = keying.pollMessage(); m != null; m = keying.pollMessage()) {
      EspPeer peer = m.peer() == null ? null : peers.get(m.peer());
      Endpoint to = m.to() != null ? m.to() : peer == null ? null : peer.endpoint();
      if (to != null) {
        int length = m.bytes().length;
        out.memory().set(EspFraming.INT, 0, EspFraming.NON_ESP_MARKER);
        MemorySegment.copy(
            m.bytes(), 0, out.memory(), ValueLayout.JAVA_BYTE, EspFraming.MARKER_LENGTH, length);
        Endpoint at = peer == null ? to : peer.current(to);
        out.fill(EspFraming.MARKER_LENGTH + length, peer, at, Datagram.CONTROL);
        if (peer != null) {
          peer.keepalive().messageSent(nowNanos);
        }
        return true;
      }
      drops.count(DropReason.NO_ENDPOINT);
    }
    return ready.transmit(isolation, peer -> transmit(peer, out, nowNanos));
  }

  /**
   * Writes the packet to send next: a NAT keepalive, a staged packet, or a dummy, the first that is
   * due.
   */
  private boolean transmit(EspPeer peer, Datagram out, long nowNanos) {
    Endpoint to = peer.endpoint();
    boolean keepalive = peer.keepaliveDue;
    peer.keepaliveDue = false;
    if (keepalive && to != null) {
      out.memory().set(ValueLayout.JAVA_BYTE, 0, EspFraming.NAT_KEEPALIVE);
      out.fill(1, peer, to, 0);
      return true;
    }
    OutboundSa sa = peer.outbound();
    if (to == null || sa == null || !sa.maySend(nowNanos)) {
      peer.dummyDue = false;
      if (!peer.staged().isEmpty()) {
        shared.requests.submit(peer, EspPeer.WANTED);
      }
      return false;
    }
    byte[] packet = peer.staged().poll();
    boolean dummy = packet == null && peer.dummyDue;
    if (dummy) {
      packet = NOTHING;
      peer.dummyDue = false;
    }
    if (packet == null) {
      return false;
    }
    single.startAt(out.memory(), 0, EspFraming.HEADER);
    int sealedLength = EspOverhead.INSTANCE.sealedLength(packet.length, 0);
    long at = single.add(packet.length, sealedLength);
    MemorySegment.copy(packet, 0, out.memory(), ValueLayout.JAVA_BYTE, at, packet.length);
    int tos = dummy ? 0 : IpHeader.tos(out.memory(), at);
    if (!controlPath.sealUnder(peer, sa, single, dummy, nowNanos)) {
      drops.count(DropReason.COUNTERS_SPENT);
      return false;
    }
    out.fill(sealedLength, peer, to, tos);
    return true;
  }

  @Override
  public @Nullable TunnelEvent pollEvent() {
    TunnelEvent event = events.poll();
    return event != null ? event : keying.pollNotice();
  }

  /** Wipes all secrets. Afterwards, lanes that still hold a peer drop its packets. */
  @Override
  public void close() {
    List.copyOf(peers.values()).forEach(this::remove);
    sas.publish();
    shared.owners = PrefixTable.empty();
    keying.close();
  }
}
