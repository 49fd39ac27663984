// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.Greetings;
import dev.culvert.tunnel.engine.HandshakeOutcome;
import dev.culvert.tunnel.engine.Isolation;
import dev.culvert.tunnel.engine.MessageQueue;
import dev.culvert.tunnel.engine.PeerState;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.MessageFilter;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.TrafficListener;
import dev.culvert.tunnel.noise.HandshakeFilter;
import dev.culvert.tunnel.noise.HandshakePeer;
import dev.culvert.tunnel.noise.HandshakeTimers;
import dev.culvert.tunnel.noise.Handshakes;
import dev.culvert.tunnel.noise.KeyLog;
import dev.culvert.tunnel.noise.LocalIdentity;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.ProtocolLabels;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.noise.Timestamps;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Keys from the WireGuard handshake: Noise_IKpsk2 between static keys, behind the non-ESP marker,
 * under labels of its own. Sans-I/O. Belongs to the control thread, with the exceptions of {@link
 * Keying}.
 */
public final class NoiseKeying implements Keying {
  /**
   * Labels of our own, so that WireGuard's messages do not verify as ours, nor ours as WireGuard's.
   */
  static final ProtocolLabels LABELS =
      new ProtocolLabels("Culvert ESP v1 keyed by Noise", "esp-mac1", "esp-cook");

  private final LocalIdentity identity;
  private final NoiseState state;
  private final Timestamps timestamps = new Timestamps();
  private final DropCounters drops = new DropCounters();
  private final Handshakes handshakes;
  private final HandshakeTimers timers;
  private final SavedPairs saved;
  private final Isolation isolation;
  private final Greetings<NoisePair> greetings;
  private final Map<String, NoisePeerKeys> keys = new HashMap<>();
  private final Map<String, NoisePair> byName = new LinkedHashMap<>();
  private final Map<PublicKey, NoisePair> byKey = new HashMap<>();

  /** The peers' addresses; written by the control thread, whole sets at a time. */
  private volatile Set<IpAddress> addresses = Set.of();

  private boolean closed;

  /**
   * @param privateKey this node's static key; copied
   * @param aead a backend with ChaCha20-Poly1305, for the handshake only
   * @param random unpredictable, since the keys' freshness depends on it
   * @param keyLog receives the ephemeral key of every handshake; null, the normal case, for no log
   */
  public NoiseKeying(
      SecretBytes privateKey, AeadBackend aead, SecureRandom random, @Nullable KeyLog keyLog) {
    this(privateKey, aead, random, keyLog, PacketLimits.DEFAULT);
  }

  NoiseKeying(
      SecretBytes privateKey,
      AeadBackend aead,
      SecureRandom random,
      @Nullable KeyLog keyLog,
      PacketLimits limits) {
    identity = new LocalIdentity(privateKey, LABELS);
    state = new NoiseState(random, limits);
    handshakes =
        new Handshakes(
            () -> closed ? null : identity,
            state.indices,
            this::handshakePeer,
            aead,
            random,
            keyLog,
            (message, to) -> state.messages.add(new Message(message, null, to)),
            drops,
            timestamps);
    timers = new HandshakeTimers(handshakes);
    saved = new SavedPairs(identity.publicKey(), state, handshakes);
    greetings = new Greetings<>(random);
    isolation = new Isolation(drops, state.notices::add);
  }

  private @Nullable HandshakePeer handshakePeer(PublicKey key) {
    NoisePair pair = byKey.get(key);
    return pair == null ? null : pair.handshake();
  }

  /** This node's public key. */
  public PublicKey publicKey() {
    return identity.publicKey();
  }

  /**
   * Sets the keys, by name, of the peers that the next {@link #peers} will name; they take effect
   * then. A peer whose preshared key changed keeps its SAs: the new key counts from the next
   * handshake on.
   *
   * @throws IllegalArgumentException if two peers have one key, or one has ours; nothing was
   *     changed
   */
  public void keys(Map<String, NoisePeerKeys> byPeer) {
    Map<PublicKey, String> owners = new HashMap<>();
    byPeer.forEach(
        (name, peer) -> {
          String other = owners.putIfAbsent(peer.publicKey(), name);
          if (other != null) {
            throw new IllegalArgumentException(
                "peers " + other + " and " + name + " have one public key");
          }
          if (peer.publicKey().equals(identity.publicKey())) {
            throw new IllegalArgumentException("peer " + name + " has this node's own public key");
          }
        });
    forgetKeys();
    byPeer.forEach((name, peer) -> keys.put(name, copy(peer)));
  }

  private static NoisePeerKeys copy(NoisePeerKeys peer) {
    SecretBytes presharedKey = peer.presharedKey();
    return new NoisePeerKeys(
        peer.publicKey(),
        presharedKey == null ? null : presharedKey.copy(),
        peer.persistentKeepaliveSeconds());
  }

  private void adopt(NoisePair pair, NoisePeerKeys peer) {
    SecretBytes presharedKey = peer.presharedKey();
    pair.handshake()
        .presharedKey(
            presharedKey == null
                ? SecretBytes.owning(new byte[Messages.KEY_LENGTH])
                : presharedKey.copy());
    pair.handshake()
        .timers()
        .persistentKeepalive(TimeUnit.SECONDS.toNanos(peer.persistentKeepaliveSeconds()));
  }

  private void forgetKeys() {
    for (NoisePeerKeys peer : keys.values()) {
      SecretBytes presharedKey = peer.presharedKey();
      if (presharedKey != null) {
        presharedKey.close();
      }
    }
    keys.clear();
  }

  /**
   * Makes all initiations carry a timestamp later than {@code answered}, the last that {@link
   * TunnelEvent.TimestampAnswered} reported before a restart. Otherwise peers would refuse this
   * node after its clock was set back.
   */
  @Override
  public void minimumTimestamp(Instant answered) {
    timestamps.after(answered);
  }

  @Override
  public DropCounters drops() {
    return drops;
  }

  @Override
  public PeerState state(String peer, boolean sending, long nowNanos) {
    NoisePair pair = byName.get(peer);
    return pair == null ? PeerState.NEVER : pair.handshake().state(nowNanos);
  }

  @Override
  public @Nullable Instant lastHandshake(String peer) {
    NoisePair pair = byName.get(peer);
    return pair == null ? null : pair.handshake().lastHandshake();
  }

  @Override
  public Map<HandshakeOutcome, Long> handshakes() {
    return handshakes.outcomes().snapshot();
  }

  /** The status of all peers. */
  public List<NoisePeerStatus> peerStatus() {
    return byName.values().stream().map(NoisePair::status).toList();
  }

  /**
   * Replaces all peers. Greets each that is new, and begins a handshake with each that has changed.
   *
   * @throws IllegalArgumentException if {@link #keys} has no key for one; nothing was changed
   */
  @Override
  public void peers(Collection<EspPeerSettings> peers) {
    Map<String, EspPeerSettings> wanted = new LinkedHashMap<>();
    for (EspPeerSettings peer : peers) {
      if (!keys.containsKey(peer.name())) {
        throw new IllegalArgumentException("no public key of peer " + peer.name());
      }
      wanted.put(peer.name(), peer);
    }
    for (NoisePair pair : List.copyOf(byName.values())) {
      NoisePeerKeys peer = keys.get(pair.toString());
      if (!wanted.containsKey(pair.toString())
          || peer == null
          || !peer.publicKey().equals(pair.handshake().publicKey())) {
        retire(pair);
      }
    }
    for (EspPeerSettings peer : wanted.values()) {
      NoisePair pair = byName.get(peer.name());
      if (pair == null) {
        add(peer);
        continue;
      }
      adopt(pair, Objects.requireNonNull(keys.get(peer.name())));
      if (peer.continues(pair.settings())) {
        pair.settings(peer);
      } else {
        handshakes.forgetPending(pair.handshake());
        pair.moveTo(peer);
      }
    }
    addresses =
        wanted.values().stream()
            .flatMap(peer -> peer.addresses().stream())
            .collect(Collectors.toUnmodifiableSet());
  }

  private void add(EspPeerSettings settings) {
    NoisePeerKeys peer = Objects.requireNonNull(keys.get(settings.name()));
    NoisePair pair = new NoisePair(peer.publicKey(), settings, state);
    pair.handshake().staticStatic(identity.agree(peer.publicKey()));
    adopt(pair, peer);
    byName.put(settings.name(), pair);
    byKey.put(peer.publicKey(), pair);
    // A peer may still send under keys that this node lost at a restart.
    greetings.add(pair);
  }

  private void retire(NoisePair pair) {
    byName.remove(pair.toString());
    byKey.remove(pair.handshake().publicKey());
    handshakes.forgetPending(pair.handshake());
    pair.retire();
  }

  @Override
  public String kind() {
    return "noise";
  }

  @Override
  public void save(StateWriter out, long nowNanos) {
    saved.save(byName.values(), out, nowNanos);
  }

  @Override
  public KeyingState read(StateReader in, KeyingState.Context context) throws StateException {
    return saved.read(in, context, byName::get, this::replace);
  }

  /** Replaces a pair by the one of another process that continues it. */
  private void replace(NoisePair before, NoisePair pair) {
    handshakes.forgetPending(before.handshake());
    before.retire();
    adopt(pair, Objects.requireNonNull(keys.get(pair.toString())));
    byName.put(pair.toString(), pair);
    byKey.put(pair.handshake().publicKey(), pair);
    greetings.add(pair);
  }

  @Override
  public void goOn() {
    saved.goOn(byName.values());
  }

  @Override
  public TrafficListener traffic(String peer) {
    NoisePair pair = byName.get(peer);
    return pair == null ? TrafficListener.NONE : pair;
  }

  @Override
  public MessageFilter newFilter() {
    return (message, length, from) ->
        !addresses.contains(from.address())
                || length < Messages.TYPE_LENGTH
                || length != Messages.handshakeLength(Messages.getInt(message, Messages.TYPE))
            ? DropReason.BAD_HANDSHAKE
            : HandshakeFilter.refuse(Arrays.copyOf(message, length), identity, state.indices);
  }

  @Override
  public void receive(
      byte[] message, Endpoint from, boolean underLoad, long nowNanos, long wallNanos) {
    DropReason refused =
        handshakes.receive(new MessageQueue.Message(message, from), underLoad, nowNanos, wallNanos);
    if (refused != null && TunnelEvent.HandshakeRefused.isFor(refused)) {
      state.notices.add(new TunnelEvent.HandshakeRefused(from, refused));
    }
  }

  @Override
  public void advance(long nowNanos, long wallNanos) {
    greetings.advance(nowNanos, byName.size(), Integer.MAX_VALUE, pair -> greet(pair, nowNanos));
    if (state.deadlines.nextLook() <= nowNanos) {
      byName.forEach(
          (name, pair) ->
              isolation.run(name, () -> timers.expire(pair.handshake(), nowNanos, wallNanos)));
      state.deadlines.look(nowNanos, byName.size());
      byName.values().forEach(pair -> pair.handshake().timers().includeAll());
    }
  }

  private void greet(NoisePair pair, long nowNanos) {
    if (byName.get(pair.toString()) == pair && !pair.canSend(nowNanos)) {
      pair.handshake().greet(nowNanos);
    }
  }

  @Override
  public void startAfresh(long nowNanos, long wallNanos) {
    handshakes.reseed(wallNanos);
    byName.values().forEach(this::restart);
  }

  private void restart(NoisePair pair) {
    handshakes.forgetPending(pair.handshake());
    pair.restart();
  }

  @Override
  public void wanted(String peer, long nowNanos) {
    NoisePair pair = byName.get(peer);
    if (pair != null) {
      pair.wanted(nowNanos);
    }
  }

  @Override
  public void runningLow(String peer, SaKeyId key, long nextSequence, long nowNanos) {
    NoisePair pair = byName.get(peer);
    if (pair != null) {
      pair.runningLow(key, nowNanos);
    }
  }

  @Override
  public @Nullable KeyingEvent pollEvent() {
    return state.events.poll();
  }

  @Override
  public @Nullable Message pollMessage() {
    return state.messages.poll();
  }

  @Override
  public @Nullable TunnelEvent pollNotice() {
    return state.notices.poll();
  }

  @Override
  public long nextDeadlineNanos() {
    return Math.min(state.deadlines.nextLook(), greetings.nextNanos());
  }

  @Override
  public void close() {
    List.copyOf(byName.values()).forEach(this::retire);
    KeyingEvent.wipe(state.events);
    forgetKeys();
    addresses = Set.of();
    closed = true;
    identity.close();
  }
}
