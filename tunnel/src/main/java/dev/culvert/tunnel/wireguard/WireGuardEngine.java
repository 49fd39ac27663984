package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.AeadBackend;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.MessageQueue;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The WireGuard protocol, sans-I/O (Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel",
 * 2020). See {@link TunnelEngine} for who may call what; {@link #route4}, {@link #route6} and
 * {@link #mtu()} are for any thread.
 */
public final class WireGuardEngine implements TunnelEngine, AutoCloseable {
  private static final int DEFAULT_MTU = 1420;

  /** Handshake messages in one {@link #advance}: timers and transmission get their turn between. */
  private static final int HANDSHAKES_AT_ONCE = 64;

  private final SharedState shared;
  private final Map<PublicKey, WireGuardPeer> peers = new LinkedHashMap<>();
  private final Outbox outbox = new Outbox();
  private final ArrayDeque<TunnelEvent> events = new ArrayDeque<>();
  private final DropCounters drops = new DropCounters();
  private final Timestamps timestamps = new Timestamps();
  private final Handshakes handshakes;
  private final DeviceConfiguration configuration;
  private final WireGuardDataPath controlPath;
  private final Train single = new Train();
  private volatile int mtu = DEFAULT_MTU;

  public WireGuardEngine(AeadBackend aead, SecureRandom random) {
    this(aead, random, null);
  }

  /**
   * An engine whose handshakes can be followed.
   *
   * @param keyLog told the ephemeral key of every handshake; null (as it should be) for none
   */
  public WireGuardEngine(AeadBackend aead, SecureRandom random, @Nullable KeyLog keyLog) {
    this(aead, random, keyLog, Limits.OF_THE_PAPER);
  }

  WireGuardEngine(AeadBackend aead, SecureRandom random, @Nullable KeyLog keyLog, Limits limits) {
    shared = new SharedState(limits, new IndexTable(random), aead);
    handshakes =
        new Handshakes(shared, aead, random, keyLog, peers, outbox, events, drops, timestamps);
    configuration = new DeviceConfiguration(shared, peers, handshakes, drops);
    controlPath = new WireGuardDataPath(shared, drops);
  }

  @Override
  public DataPath newDataPath() {
    return new WireGuardDataPath(shared, new DropCounters());
  }

  /**
   * Applies the keys and peers of {@code update}, whole or not at all. Port and mark are for
   * whoever owns the socket.
   *
   * @throws IllegalArgumentException where it cannot be; nothing was changed
   */
  public void apply(DeviceUpdate update) {
    configuration.apply(update);
  }

  /** Keys and peers now. The caller closes it. */
  public DeviceSnapshot snapshot() {
    return configuration.snapshot();
  }

  /** The peer of that key, or null. */
  public @Nullable TunnelPeer peer(PublicKey key) {
    return peers.get(key);
  }

  /** The peer that owns {@code destination} (32 bits), or null. */
  public @Nullable TunnelPeer route4(int destination) {
    return shared.allowedIps.table().lookup4(destination);
  }

  /** The peer that owns the IPv6 address of these 128 bits, or null. */
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

  public void mtu(int newMtu) {
    if (newMtu < 1 || newMtu > Train.MAX_BYTES) {
      throw new IllegalArgumentException("MTU " + newMtu);
    }
    mtu = newMtu;
  }

  /**
   * Has all initiations carry a timestamp later than {@code answered}, the last that {@link
   * TunnelEvent.TimestampAnswered} told of before a restart: else a clock that was set back locks
   * this device out.
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
    return drops;
  }

  @Override
  public long nextDeadlineNanos() {
    return shared.requests.isEmpty() && shared.handshakes.isEmpty()
        ? shared.deadlines.earliest()
        : Long.MIN_VALUE;
  }

  @Override
  public void advance(long nowNanos, long wallNanos) {
    serveRequests(nowNanos, wallNanos);
    receiveHandshakes(nowNanos, wallNanos);
    if (shared.deadlines.earliest() <= nowNanos) {
      for (WireGuardPeer peer : peers.values()) {
        expireTimers(peer, nowNanos, wallNanos);
      }
      shared.deadlines.forget();
      for (WireGuardPeer peer : peers.values()) {
        peer.timers().includeAll();
      }
    }
  }

  private void serveRequests(long nowNanos, long wallNanos) {
    for (WireGuardPeer peer = shared.requests.pop(); peer != null; peer = shared.requests.pop()) {
      int requests = peer.takeRequests();
      if (peers.get(peer.publicKey()) == peer) {
        serve(peer, requests, nowNanos, wallNanos);
      }
    }
  }

  private void serve(WireGuardPeer peer, int requests, long nowNanos, long wallNanos) {
    if ((requests & Request.MOVED) != 0) {
      reportMove(peer);
    }
    if ((requests & Request.CONFIRM) != 0) {
      handshakes.confirm(peer, wallNanos);
    }
    if ((requests & Request.FLUSH) != 0) {
      outbox.ready(peer);
    }
    if ((requests & Request.HANDSHAKE) != 0) {
      handshakes.initiate(peer, false, nowNanos, wallNanos);
    }
    if ((requests & Request.KEEPALIVE) != 0) {
      sendKeepalive(peer, nowNanos, wallNanos);
    }
  }

  private void reportMove(WireGuardPeer peer) {
    Endpoint from = peer.reportedEndpoint;
    Endpoint to = peer.endpoint();
    if (to != null && !to.isSamePlace(from)) {
      peer.reportedEndpoint = to;
      if (from != null) {
        events.add(new TunnelEvent.EndpointMoved(peer.toString(), from, to));
      }
    }
  }

  private void receiveHandshakes(long nowNanos, long wallNanos) {
    for (int i = 0; i < HANDSHAKES_AT_ONCE; i++) {
      boolean underLoad = shared.handshakes.isUnderLoad(nowNanos);
      MessageQueue.Message message = shared.handshakes.poll();
      if (message == null) {
        return;
      }
      handshakes.receive(message, underLoad, nowNanos, wallNanos);
    }
  }

  private void expireTimers(WireGuardPeer peer, long nowNanos, long wallNanos) {
    PeerTimers timers = peer.timers();
    if (timers.expire(Timer.RETRANSMIT_HANDSHAKE, nowNanos)) {
      retransmitHandshake(peer, nowNanos, wallNanos);
    }
    if (timers.expire(Timer.PASSIVE_KEEPALIVE, nowNanos)) {
      sendKeepalive(peer, nowNanos, wallNanos);
    }
    if (timers.expire(Timer.NEW_HANDSHAKE, nowNanos)) {
      peer.forgetSource();
      handshakes.initiate(peer, false, nowNanos, wallNanos);
    }
    if (timers.expire(Timer.ZERO_KEYS, nowNanos)) {
      peer.sessions().clear();
      handshakes.forgetPending(peer);
      dropStaged(peer);
    }
    long interval = timers.persistentKeepalive();
    // A lane may have armed the timer just as the interval was set to zero.
    if (timers.expire(Timer.PERSISTENT_KEEPALIVE, nowNanos) && interval != 0) {
      timers.arm(Timer.PERSISTENT_KEEPALIVE, nowNanos + interval);
      sendKeepalive(peer, nowNanos, wallNanos);
    }
  }

  private void retransmitHandshake(WireGuardPeer peer, long nowNanos, long wallNanos) {
    int attempts = peer.handshakeAttempts();
    if (attempts == 0 && hasFreshSession(peer, nowNanos)) {
      return;
    }
    if (attempts >= Messages.MAX_HANDSHAKE_ATTEMPTS) {
      handshakes.forgetPending(peer);
      peer.handshakeAttempts(0);
      peer.timers().cancel(Timer.PASSIVE_KEEPALIVE);
      dropStaged(peer);
      if (!peer.timers().isArmed(Timer.ZERO_KEYS)) {
        peer.timers().sessionDerived(nowNanos);
      }
      events.add(new TunnelEvent.HandshakeAbandoned(peer.toString(), attempts));
      return;
    }
    peer.forgetSource();
    handshakes.initiate(peer, true, nowNanos, wallNanos);
  }

  private static boolean hasFreshSession(WireGuardPeer peer, long nowNanos) {
    Session current = peer.sessions().current();
    return current != null && current.maySend(nowNanos) && !current.isStaleForSending(nowNanos);
  }

  private void dropStaged(WireGuardPeer peer) {
    drops.count(DropReason.NO_SESSION, peer.staged().clear());
  }

  private void sendKeepalive(WireGuardPeer peer, long nowNanos, long wallNanos) {
    Session current = peer.sessions().current();
    if (current != null && current.maySend(nowNanos)) {
      peer.keepaliveWanted = true;
      outbox.ready(peer);
    } else {
      handshakes.initiate(peer, false, nowNanos, wallNanos);
    }
  }

  @Override
  public boolean pollTransmit(Datagram out, long nowNanos) {
    Outbox.Message message = outbox.pollMessage();
    if (message != null) {
      MemorySegment.copy(
          message.bytes(), 0, out.memory(), ValueLayout.JAVA_BYTE, 0, message.bytes().length);
      out.fill(message.bytes().length, message.peer(), message.to());
      return true;
    }
    WireGuardPeer peer = outbox.peekReady();
    while (peer != null) {
      if (transmit(peer, out, nowNanos)) {
        return true;
      }
      outbox.removeReady();
      peer = outbox.peekReady();
    }
    return false;
  }

  /** Seals the next staged packet of {@code peer}, or else the keepalive that is due. */
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
    single.startAt(out.memory(), 0, Messages.DATA_HEADER);
    int sealedLength = WireGuardOverhead.INSTANCE.sealedLength(packet.length, mtu);
    long at = single.add(packet.length, sealedLength);
    MemorySegment.copy(packet, 0, out.memory(), ValueLayout.JAVA_BYTE, at, packet.length);
    if (!controlPath.sealUnderCurrent(peer, single, nowNanos)) {
      drops.count(DropReason.COUNTERS_SPENT);
      return false;
    }
    out.fill(sealedLength, peer, to);
    return true;
  }

  @Override
  public @Nullable TunnelEvent pollEvent() {
    return events.poll();
  }

  /** Wipes all secrets. Lanes that still hold a peer get drops from here on. */
  @Override
  public void close() {
    configuration.close();
  }
}
