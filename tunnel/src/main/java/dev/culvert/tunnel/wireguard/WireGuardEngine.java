// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.AeadBackend;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.Greetings;
import dev.culvert.tunnel.engine.Isolation;
import dev.culvert.tunnel.engine.KeyTrust;
import dev.culvert.tunnel.engine.MessageQueue;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.noise.HandshakePeer;
import dev.culvert.tunnel.noise.HandshakeTimers;
import dev.culvert.tunnel.noise.Handshakes;
import dev.culvert.tunnel.noise.IndexTable;
import dev.culvert.tunnel.noise.KeyLog;
import dev.culvert.tunnel.noise.ProtocolLabels;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.noise.Timestamps;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The WireGuard protocol, sans-I/O (Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel",
 * 2020). See {@link TunnelEngine} for the threads that may call each method; {@link #route4},
 * {@link #route6} and {@link #mtu()} are thread-safe.
 */
public final class WireGuardEngine implements TunnelEngine, AutoCloseable {
  static final ProtocolLabels LABELS =
      new ProtocolLabels("WireGuard v1 zx2c4 Jason@zx2c4.com", "mac1----", "cookie--");

  private static final int DEFAULT_MTU = 1420;

  /**
   * The most handshake messages per {@link #advance}, each way, so that timers and transmission get
   * their turn.
   */
  private static final int HANDSHAKES_AT_ONCE = 64;

  /** The interval, under load, of updating the peers' addresses in the queue. */
  private static final long RESERVE_EVERY = TimeUnit.SECONDS.toNanos(1);

  private final WireGuardState shared;
  private final Map<PublicKey, WireGuardPeer> peers = new LinkedHashMap<>();
  private final Timestamps timestamps = new Timestamps();
  private final Handshakes handshakes;
  private final HandshakeTimers timers;
  private final DeviceConfiguration configuration;
  private final WireGuardDataPath controlPath;
  private final Train single = new Train();
  private final Isolation isolation;
  private final Greetings<WireGuardPeer> greetings;
  private final SavedEngine saved;
  private long nextReservation = Long.MIN_VALUE;
  private volatile int mtu = DEFAULT_MTU;

  public WireGuardEngine(AeadBackend aead, SecureRandom random) {
    this(aead, random, null);
  }

  /**
   * An engine with a key log.
   *
   * @param keyLog receives the ephemeral key of every handshake; null, the normal case, for no log
   */
  public WireGuardEngine(AeadBackend aead, SecureRandom random, @Nullable KeyLog keyLog) {
    this(aead, random, keyLog, Limits.OF_THE_PAPER);
  }

  WireGuardEngine(AeadBackend aead, SecureRandom random, @Nullable KeyLog keyLog, Limits limits) {
    shared = new WireGuardState(limits, new IndexTable(random), aead, random.nextLong());
    handshakes =
        new Handshakes(
            shared::identity,
            shared.indices,
            this::handshakePeer,
            aead,
            random,
            keyLog,
            (message, to) -> shared.outbox.add(message, null, to),
            shared.controlDrops,
            timestamps);
    timers = new HandshakeTimers(handshakes);
    greetings = new Greetings<>(random);
    isolation = new Isolation(shared.controlDrops, shared.events::add);
    configuration = new DeviceConfiguration(shared, peers, handshakes, shared.controlDrops);
    saved = new SavedEngine(shared, peers, handshakes, greetings);
    controlPath = new WireGuardDataPath(shared, shared.controlDrops);
  }

  private @Nullable HandshakePeer handshakePeer(PublicKey key) {
    WireGuardPeer peer = peers.get(key);
    return peer == null ? null : peer.handshake();
  }

  @Override
  public DataPath newDataPath() {
    return new WireGuardDataPath(shared, new DropCounters());
  }

  /**
   * Applies the keys and peers of {@code update}, whole or not at all. Port and mark are ignored
   * here; the socket's owner applies them.
   *
   * @throws IllegalArgumentException if it cannot be applied; nothing was changed
   */
  public void apply(DeviceUpdate update) {
    configuration.apply(update);
  }

  /** The current keys and peers. The caller closes the snapshot. */
  public DeviceSnapshot snapshot() {
    return configuration.snapshot();
  }

  /**
   * {@inheritDoc}
   *
   * @param name the peer's public key in base64
   */
  @Override
  public @Nullable TunnelPeer peer(String name) {
    return peers.get(PublicKey.parseBase64(name));
  }

  @Override
  public EngineReading reading(long nowNanos) {
    return new EngineReading(
        peers.values().stream().map(peer -> peer.reading(nowNanos)).toList(),
        shared.removed,
        handshakes.outcomes().snapshot(),
        shared.staging.packets(),
        shared.handshakes.size());
  }

  /** The current endpoints of peers; peers that do not exist are left out. */
  public Map<PublicKey, PeerContact> contacts(Collection<PublicKey> of) {
    Map<PublicKey, PeerContact> contacts = new HashMap<>();
    for (PublicKey key : of) {
      WireGuardPeer peer = peers.get(key);
      if (peer != null) {
        contacts.put(key, new PeerContact(peer.endpoint(), peer.handshake().handshakeAttempts()));
      }
    }
    return contacts;
  }

  @Override
  public Collection<? extends TunnelPeer> peers() {
    return peers.values();
  }

  @Override
  public @Nullable TunnelPeer route4(int destination) {
    return shared.allowedIps.table().lookup4(destination);
  }

  @Override
  public @Nullable TunnelPeer route6(long high, long low) {
    return shared.allowedIps.table().lookup6(high, low);
  }

  /** Has lanes seal and open with another backend, from their next train on. For any thread. */
  public void useBackend(AeadBackend backend) {
    shared.aead(backend);
  }

  /** The tunnel's MTU; padding never makes a packet longer. */
  public int mtu() {
    return mtu;
  }

  @Override
  public void mtu(int newMtu) {
    if (newMtu < 1 || newMtu > Train.MAX_BYTES) {
      throw new IllegalArgumentException("MTU " + newMtu);
    }
    mtu = newMtu;
  }

  /**
   * Makes all initiations carry a timestamp later than {@code answered}, the last that {@link
   * TunnelEvent.TimestampAnswered} reported before a restart. Otherwise peers would refuse this
   * device after its clock was set back.
   */
  public void minimumTimestamp(Instant answered) {
    timestamps.after(answered);
  }

  @Override
  public Overhead overhead() {
    return WireGuardOverhead.INSTANCE;
  }

  @Override
  public DropCounters drops() {
    return shared.controlDrops;
  }

  @Override
  public long nextDeadlineNanos() {
    return shared.requests.isEmpty() && shared.handshakes.isEmpty() && !shared.trust.isWithdrawn()
        ? Math.min(shared.deadlines.nextLook(), greetings.nextNanos())
        : Long.MIN_VALUE;
  }

  @Override
  public void advance(long nowNanos, long wallNanos) {
    KeyTrust.Doubt doubt = shared.trust.doubt();
    if (doubt != null) {
      endAllKeys(doubt, wallNanos);
    }
    serveRequests(nowNanos, wallNanos);
    receiveHandshakes(nowNanos, wallNanos);
    greetings.advance(nowNanos, peers.size(), HANDSHAKES_AT_ONCE, peer -> greet(peer, nowNanos));
    if (shared.deadlines.nextLook() <= nowNanos) {
      for (WireGuardPeer peer : peers.values()) {
        isolation.run(peer.toString(), () -> timers.expire(peer.handshake(), nowNanos, wallNanos));
      }
      shared.deadlines.look(nowNanos, peers.size());
      for (WireGuardPeer peer : peers.values()) {
        peer.timers().includeAll();
      }
    }
  }

  @Override
  public void distrustKeys(String reason) {
    shared.trust.withdraw(reason);
  }

  /**
   * Ends all keys, and pending handshakes too, since a twin of this machine has those and the
   * random generator's state.
   */
  private void endAllKeys(KeyTrust.Doubt doubt, long wallNanos) {
    handshakes.reseed(wallNanos);
    endAllKeys();
    shared.trust.restore(doubt);
    shared.events.add(new TunnelEvent.KeysEnded(doubt.reason()));
  }

  private void endAllKeys() {
    for (WireGuardPeer peer : peers.values()) {
      boolean wanted = peer.isInUse();
      handshakes.forgetPending(peer.handshake());
      peer.sessions().clear();
      peer.handshake().startAfresh();
      if (wanted && peer.isReachable()) {
        shared.requests.submit(peer, Request.HANDSHAKE);
      }
    }
  }

  @Override
  public void greet() {
    for (WireGuardPeer peer : peers.values()) {
      if (peer.isReachable() && !peer.greeted) {
        peer.greeted = true;
        greetings.add(peer);
      }
    }
  }

  private void greet(WireGuardPeer peer, long nowNanos) {
    if (peers.get(peer.publicKey()) == peer && peer.sessions().current() == null) {
      peer.handshake().greet(nowNanos);
    }
  }

  private void serveRequests(long nowNanos, long wallNanos) {
    shared.requests.serve(
        HANDSHAKES_AT_ONCE,
        (peer, requests) -> {
          if (peers.get(peer.publicKey()) == peer) {
            isolation.run(peer.toString(), () -> serve(peer, requests, nowNanos, wallNanos));
          }
        });
  }

  private void serve(WireGuardPeer peer, int requests, long nowNanos, long wallNanos) {
    if ((requests & Request.MOVED) != 0) {
      peer.reportMove(shared.events::add);
    }
    if ((requests & Request.CONFIRM) != 0) {
      handshakes.confirm(peer.handshake(), wallNanos);
    }
    if ((requests & Request.FLUSH) != 0) {
      shared.ready.add(peer);
    }
    if ((requests & Request.HANDSHAKE) != 0) {
      handshakes.initiate(peer.handshake(), false, nowNanos, wallNanos);
    }
    if ((requests & Request.KEEPALIVE) != 0) {
      timers.keepalive(peer.handshake(), nowNanos, wallNanos);
    }
  }

  private void receiveHandshakes(long nowNanos, long wallNanos) {
    if (shared.handshakes.isUnderLoad(nowNanos) && nowNanos >= nextReservation) {
      nextReservation = nowNanos + RESERVE_EVERY;
      reserveForPeers();
    }
    for (int i = 0; i < HANDSHAKES_AT_ONCE; i++) {
      boolean underLoad = shared.handshakes.isUnderLoad(nowNanos);
      MessageQueue.Message message = shared.handshakes.poll();
      if (message == null) {
        return;
      }
      isolation.run("", () -> receive(message, underLoad, nowNanos, wallNanos));
    }
  }

  private void receive(
      MessageQueue.Message message, boolean underLoad, long nowNanos, long wallNanos) {
    DropReason refused = handshakes.receive(message, underLoad, nowNanos, wallNanos);
    if (refused != null && TunnelEvent.HandshakeRefused.isFor(refused)) {
      shared.events.add(new TunnelEvent.HandshakeRefused(message.from(), refused));
    }
  }

  /**
   * Reserves queue space for peers with a known address, so that floods from other addresses do not
   * keep them out.
   */
  private void reserveForPeers() {
    Set<IpAddress> addresses = new HashSet<>();
    for (WireGuardPeer peer : peers.values()) {
      Endpoint at = peer.endpoint();
      if (at != null) {
        addresses.add(at.address());
      }
    }
    shared.handshakes.reserveFor(addresses);
  }

  @Override
  public boolean pollTransmit(Datagram out, long nowNanos) {
    Outbox.Message message = shared.outbox.pollMessage();
    if (message != null) {
      MemorySegment.copy(
          message.bytes(), 0, out.memory(), ValueLayout.JAVA_BYTE, 0, message.bytes().length);
      WireGuardPeer peer = message.peer();
      Endpoint to = peer == null ? message.to() : peer.current(message.to());
      out.fill(message.bytes().length, peer, to, Datagram.CONTROL);
      return true;
    }
    return shared.ready.transmit(isolation, peer -> transmit(peer, out, nowNanos));
  }

  /** Seals the next staged packet of {@code peer}, or else a due keepalive. */
  private boolean transmit(WireGuardPeer peer, Datagram out, long nowNanos) {
    Endpoint to = peer.endpoint();
    Session session = peer.sessions().current();
    if (to == null || session == null || !session.maySend(nowNanos)) {
      peer.keepaliveWanted = false;
      if (!peer.staged().isEmpty()) {
        shared.requests.submit(peer, Request.HANDSHAKE);
      }
      return false;
    }
    byte[] packet = peer.staged().poll();
    if (packet != null) {
      peer.keepaliveWanted = false;
      return sealInto(out, peer, to, packet, nowNanos);
    }
    if (peer.keepaliveWanted) {
      peer.keepaliveWanted = false;
      boolean sealed = sealInto(out, peer, to, new byte[0], nowNanos);
      peer.timers().passiveKeepaliveSent(nowNanos);
      return sealed;
    }
    return false;
  }

  private boolean sealInto(
      Datagram out, WireGuardPeer peer, Endpoint to, byte[] packet, long nowNanos) {
    single.startAt(out.memory(), 0, DataMessages.DATA_HEADER);
    int sealedLength = WireGuardOverhead.INSTANCE.sealedLength(packet.length, mtu);
    long at = single.add(packet.length, sealedLength);
    MemorySegment.copy(packet, 0, out.memory(), ValueLayout.JAVA_BYTE, at, packet.length);
    if (!controlPath.sealUnderCurrent(peer, single, nowNanos)) {
      shared.controlDrops.count(DropReason.COUNTERS_SPENT);
      return false;
    }
    out.fill(sealedLength, peer, to, 0);
    return true;
  }

  /**
   * Writes the whole state but the MTU and the events, for another process that continues it. This
   * engine must not send any more, unless the other process is known to be dead and {@link
   * #jumpAhead} was called. Keys that are distrusted are ended and not written.
   *
   * @param nowNanos monotonic time; no lane runs
   */
  @Override
  public void save(StateWriter out, long nowNanos) {
    KeyTrust.Doubt doubt = shared.trust.doubt();
    if (doubt != null) {
      endAllKeys();
    }
    out.optional(doubt == null ? null : doubt.reason(), out::text);
    saved.save(out, nowNanos);
  }

  /**
   * Continues the engine of another process. Every send counter jumps ahead, see {@link
   * SafetyJump}.
   *
   * @param savedAtNanos the moment of saving, on this process's monotonic clock
   * @throws StateException if the state cannot be read; this engine is as new, and all secrets that
   *     were read are wiped
   * @throws IllegalStateException if this engine has a private key or peers already
   */
  @Override
  public void restore(StateReader in, long savedAtNanos) throws StateException {
    restore(in, savedAtNanos, SafetyJump.PACKETS);
  }

  /** For tests: with another jump. */
  void restore(StateReader in, long savedAtNanos, long jump) throws StateException {
    String doubt = in.optional(in::text);
    saved.restore(in, savedAtNanos, jump);
    if (doubt != null) {
      // So that the next advance does all that follows from distrust.
      shared.trust.withdraw(doubt);
    }
  }

  /**
   * Goes on after {@link #save}, since the other process is dead and sent nothing. In case it did
   * send, every send counter jumps ahead twice as far as its own did, and initiations that wait for
   * a response are replaced by new ones. Staged packets are kept.
   */
  @Override
  public void jumpAhead() {
    saved.jumpAhead();
  }

  @Override
  public @Nullable TunnelEvent pollEvent() {
    return shared.events.poll();
  }

  /** Wipes all secrets. Afterwards, lanes that still hold a peer drop its packets. */
  @Override
  public void close() {
    configuration.close();
  }
}
