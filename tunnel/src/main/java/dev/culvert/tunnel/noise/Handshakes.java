// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.Tai64n;
import dev.culvert.crypto.X25519;
import dev.culvert.tunnel.engine.Counters;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.HandshakeOutcome;
import dev.culvert.tunnel.engine.MessageQueue;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Arrays;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Sends and consumes initiations, responses and cookie replies (WireGuard paper, section 5.4).
 * Belongs to the control thread.
 *
 * <p>The roles are kept apart: answering a peer's initiation leaves our own pending one alone, so
 * that two ends that begin at the same moment both get a session at once.
 */
public final class Handshakes {
  private static final byte[] EMPTY = {};

  /** Sends a message to a sender that is not known to be a peer. */
  @FunctionalInterface
  public interface Replies {
    void send(byte[] message, Endpoint to);
  }

  private final Supplier<@Nullable LocalIdentity> self;
  private final IndexTable indices;
  private final Function<PublicKey, @Nullable HandshakePeer> peers;
  private final AeadBackend aead;
  private final SecureRandom random;
  private final @Nullable KeyLog keyLog;
  private final Replies replies;
  private final DropCounters drops;
  private final Counters<HandshakeOutcome> outcomes = new Counters<>(HandshakeOutcome.class);
  private final CookieChecker cookieChecker;
  private final RateLimiter rateLimiter = new RateLimiter();
  private final Timestamps timestamps;

  /**
   * @param self this node's identity, or null if there is no private key
   * @param peers returns the peer of a public key, or null
   * @param keyLog receives the ephemeral key of every handshake; null, the normal case, for no log
   */
  public Handshakes(
      Supplier<@Nullable LocalIdentity> self,
      IndexTable indices,
      Function<PublicKey, @Nullable HandshakePeer> peers,
      AeadBackend aead,
      SecureRandom random,
      @Nullable KeyLog keyLog,
      Replies replies,
      DropCounters drops,
      Timestamps timestamps) {
    this.self = self;
    this.indices = indices;
    this.peers = peers;
    this.aead = aead;
    this.random = random;
    this.keyLog = keyLog;
    this.replies = replies;
    this.drops = drops;
    this.timestamps = timestamps;
    cookieChecker = new CookieChecker(random);
  }

  /**
   * Sets the random generator apart from that of a twin of this machine, which would draw the same
   * keys. A time that can be guessed does no harm, since it is mixed in and replaces nothing.
   */
  public void reseed(long wallNanos) {
    random.setSeed(wallNanos);
  }

  /** Sends an initiation, unless the last handshake message is too recent, which puts it off. */
  public void initiate(HandshakePeer peer, boolean retry, long nowNanos, long wallNanos) {
    if (!retry) {
      peer.resetAttempts();
    }
    if (!peer.mayInitiate(nowNanos)) {
      if (!peer.timers().isArmed(Timer.RETRANSMIT_HANDSHAKE)) {
        peer.timers().arm(Timer.RETRANSMIT_HANDSHAKE, peer.nextInitiation());
      }
      return;
    }
    LocalIdentity identity = self.get();
    SecretBytes staticStatic = peer.staticStatic();
    if (!peer.user().isReachable()) {
      return;
    }
    peer.nextInitiation(nowNanos + Messages.REKEY_TIMEOUT);
    if (identity == null || staticStatic == null) {
      return;
    }
    Tai64n timestamp = timestamps.next(peer, wallNanos);
    byte[] message = writeInitiation(peer, identity, staticStatic, timestamp);
    peer.cookies.addMacs(message, nowNanos);
    peer.handshakeAttempts(peer.handshakeAttempts() + 1);
    peer.timers().jitter(random.nextInt(Messages.REKEY_TIMEOUT_JITTER_MAX));
    send(message, peer, null, nowNanos);
    peer.timers().initiationSent(nowNanos);
    peer.initiated(nowNanos);
  }

  private byte[] writeInitiation(
      HandshakePeer peer, LocalIdentity identity, SecretBytes staticStatic, Tai64n timestamp) {
    byte[] ephemeral = X25519.generatePrivateKey(random);
    byte[] shareOfStatics = staticStatic.toByteArray();
    byte[] message = new byte[Messages.INITIATION_LENGTH];
    byte[] responder = peer.publicKey().toByteArray();
    NoiseHandshake noise = new NoiseHandshake(aead, identity.labels().identifierBytes(), responder);
    boolean kept = false;
    try {
      noise.writeInitiation(
          ephemeral,
          X25519.publicKey(ephemeral),
          identity.publicKey().toByteArray(),
          responder,
          shareOfStatics,
          timestamp.toBytes(),
          ByteBuffer.wrap(message).position(Messages.INITIATION_NOISE));
      log(peer, ephemeral);
      int index = indices.freeIndex();
      Messages.putInt(message, Messages.TYPE, Messages.INITIATION);
      Messages.putInt(message, Messages.INITIATION_SENDER, index);
      forgetPending(peer);
      PendingInitiation pending =
          new PendingInitiation(peer, index, noise, SecretBytes.copyOf(ephemeral), timestamp);
      peer.pending(pending);
      kept = true;
      indices.put(pending);
      return message;
    } finally {
      SymmetricState.wipe(shareOfStatics);
      SymmetricState.wipe(ephemeral);
      if (!kept) {
        noise.close();
      }
    }
  }

  /** The ends of handshakes so far. */
  public Counters<HandshakeOutcome> outcomes() {
    return outcomes;
  }

  IndexTable indices() {
    return indices;
  }

  AeadBackend aead() {
    return aead;
  }

  Timestamps timestamps() {
    return timestamps;
  }

  CookieChecker cookieChecker() {
    return cookieChecker;
  }

  RateLimiter rateLimiter() {
    return rateLimiter;
  }

  /** Forgets our initiation to {@code peer}: a response to it is no longer awaited. */
  public void forgetPending(HandshakePeer peer) {
    PendingInitiation pending = peer.pending();
    if (pending != null) {
      indices.remove(pending);
      peer.pending(null);
    }
  }

  /**
   * Handles one message that a lane checked and queued.
   *
   * @return why it was refused, which is counted; null if it was not
   */
  public @Nullable DropReason receive(
      MessageQueue.Message received, boolean underLoad, long nowNanos, long wallNanos) {
    LocalIdentity identity = self.get();
    byte[] message = received.bytes();
    Endpoint from = received.from();
    DropReason refused;
    if (identity == null) {
      refused = DropReason.BAD_HANDSHAKE;
    } else if (Messages.getInt(received.bytes(), Messages.TYPE) == Messages.COOKIE_REPLY) {
      refused = consumeCookie(message, nowNanos);
    } else if (underLoad && !cookieChecker.mac2Matches(message, from, nowNanos)) {
      // Initiation and response have their sender's index in the same place.
      int sender = Messages.getInt(message, Messages.INITIATION_SENDER);
      replies.send(cookieChecker.reply(message, sender, from, identity, nowNanos), from);
      refused = DropReason.COOKIE_REQUIRED;
    } else if (underLoad && !rateLimiter.allow(from.address(), nowNanos)) {
      refused = DropReason.RATE_LIMITED;
    } else if (Messages.getInt(received.bytes(), Messages.TYPE) == Messages.INITIATION) {
      refused = consumeInitiation(message, from, identity, nowNanos, wallNanos);
    } else {
      refused = consumeResponse(message, from, identity, nowNanos, wallNanos);
    }
    if (refused != null) {
      drops.count(refused);
    }
    return refused;
  }

  private @Nullable DropReason consumeCookie(byte[] message, long nowNanos) {
    Indexed entry = indices.find(Messages.getInt(message, Messages.COOKIE_REPLY_RECEIVER));
    if (entry == null) {
      return DropReason.UNKNOWN_INDEX;
    }
    return entry.handshakePeer().cookies.consume(message, nowNanos) ? null : DropReason.BAD_COOKIE;
  }

  private @Nullable DropReason consumeInitiation(
      byte[] message, Endpoint from, LocalIdentity identity, long nowNanos, long wallNanos) {
    int at = Messages.INITIATION_NOISE;
    byte[] ephemeral = Arrays.copyOfRange(message, at, at += Messages.KEY_LENGTH);
    byte[] sealedStatic =
        Arrays.copyOfRange(message, at, at += Messages.KEY_LENGTH + Messages.TAG_LENGTH);
    byte[] sealedTimestamp =
        Arrays.copyOfRange(message, at, at + Messages.TIMESTAMP_LENGTH + Messages.TAG_LENGTH);
    byte[] ownPrivate = identity.privateKey().toByteArray();
    try (NoiseHandshake noise =
        new NoiseHandshake(
            aead, identity.labels().identifierBytes(), identity.publicKey().toByteArray())) {
      byte[] initiator = noise.readInitiatorStatic(ownPrivate, ephemeral, sealedStatic);
      HandshakePeer peer = initiator == null ? null : peers.apply(PublicKey.of(initiator));
      byte[] timestamp = peer == null ? null : readTimestamp(noise, peer, sealedTimestamp);
      if (peer == null || timestamp == null || !peer.user().accepts(from)) {
        return DropReason.BAD_HANDSHAKE;
      }
      Tai64n sent = Tai64n.ofBytes(timestamp);
      Tai64n last = peer.lastTimestampReceived;
      if (last != null && sent.compareTo(last) <= 0) {
        return DropReason.STALE_TIMESTAMP;
      }
      if (nowNanos < peer.nextInitiationAccepted) {
        return DropReason.RATE_LIMITED;
      }
      peer.lastTimestampReceived = sent;
      peer.nextInitiationAccepted = nowNanos + Messages.INITIATION_INTERVAL;
      heard(peer, from, message.length, nowNanos);
      int sender = Messages.getInt(message, Messages.INITIATION_SENDER);
      // A session that lanes send under already must not be replaced by an unconfirmed one.
      confirm(peer, wallNanos);
      respond(noise, peer, ephemeral, sender, from, nowNanos);
      return null;
    } finally {
      SymmetricState.wipe(ownPrivate);
    }
  }

  private static byte @Nullable [] readTimestamp(
      NoiseHandshake noise, HandshakePeer peer, byte[] sealed) {
    SecretBytes staticStatic = peer.staticStatic();
    if (staticStatic == null) {
      return null;
    }
    byte[] shareOfStatics = staticStatic.toByteArray();
    try {
      return noise.readInitiationPayload(shareOfStatics, sealed);
    } finally {
      SymmetricState.wipe(shareOfStatics);
    }
  }

  private void respond(
      NoiseHandshake noise,
      HandshakePeer peer,
      byte[] initiatorEphemeral,
      int initiatorIndex,
      Endpoint to,
      long nowNanos) {
    byte[] presharedKey = peer.presharedKey().toByteArray();
    byte[] ephemeral = X25519.generatePrivateKey(random);
    byte[] message = new byte[Messages.RESPONSE_LENGTH];
    boolean written;
    try {
      written =
          noise.writeResponse(
              ephemeral,
              X25519.publicKey(ephemeral),
              initiatorEphemeral,
              peer.publicKey().toByteArray(),
              presharedKey,
              EMPTY,
              ByteBuffer.wrap(message).position(Messages.RESPONSE_NOISE));
      log(peer, ephemeral);
    } finally {
      SymmetricState.wipe(presharedKey);
      SymmetricState.wipe(ephemeral);
    }
    if (!written) {
      // Both keys passed an agreement with another key of ours before, so neither is of low order.
      throw new IllegalStateException("a verified initiation cannot be answered");
    }
    int index = indices.freeIndex();
    Messages.putInt(message, Messages.TYPE, Messages.RESPONSE);
    Messages.putInt(message, Messages.RESPONSE_SENDER, index);
    Messages.putInt(message, Messages.RESPONSE_RECEIVER, initiatorIndex);
    peer.cookies.addMacs(message, nowNanos);
    byte[][] keys = noise.split();
    SessionAge age = new SessionAge(false, nowNanos);
    peer.user().answered(new TransportKeys(age, index, initiatorIndex, keys[1], keys[0]));
    peer.timers().sessionDerived(nowNanos);
    peer.nextInitiation(nowNanos + Messages.REKEY_TIMEOUT);
    send(message, peer, to, nowNanos);
  }

  private @Nullable DropReason consumeResponse(
      byte[] message, Endpoint from, LocalIdentity identity, long nowNanos, long wallNanos) {
    int receiver = Messages.getInt(message, Messages.RESPONSE_RECEIVER);
    if (!(indices.find(receiver) instanceof PendingInitiation pending)) {
      return DropReason.UNKNOWN_INDEX;
    }
    int at = Messages.RESPONSE_NOISE;
    byte[] responderEphemeral = Arrays.copyOfRange(message, at, at += Messages.KEY_LENGTH);
    byte[] sealed = Arrays.copyOfRange(message, at, at + Messages.TAG_LENGTH);
    HandshakePeer peer = pending.handshakePeer();
    // Before any secret is copied, and before the Diffie-Hellman.
    if (!peer.user().accepts(from)) {
      return DropReason.BAD_HANDSHAKE;
    }
    byte[] ephemeral = {};
    byte[] ownPrivate = {};
    byte[] presharedKey = {};
    byte[][] keys;
    try (NoiseHandshake noise = pending.noise().copy()) {
      ephemeral = pending.ephemeral().toByteArray();
      ownPrivate = identity.privateKey().toByteArray();
      presharedKey = peer.presharedKey().toByteArray();
      if (noise.readResponse(ephemeral, ownPrivate, responderEphemeral, presharedKey, sealed)
          == null) {
        return DropReason.BAD_HANDSHAKE;
      }
      keys = noise.split();
    } finally {
      SymmetricState.wipe(ephemeral);
      SymmetricState.wipe(ownPrivate);
      SymmetricState.wipe(presharedKey);
    }
    int sender = Messages.getInt(message, Messages.RESPONSE_SENDER);
    // The session takes over the initiation's index, so the index table forgets the initiation.
    SessionAge age = new SessionAge(true, nowNanos);
    peer.user().initiated(new TransportKeys(age, receiver, sender, keys[0], keys[1]));
    Instant answered = pending.timestamp().toInstant();
    peer.pending(null);
    heard(peer, from, message.length, nowNanos);
    peer.timers().sessionDerived(nowNanos);
    peer.user().timestampAnswered(answered);
    completed(peer, true, wallNanos);
    // The responder may send only once it has heard from us under the new keys.
    peer.user().sendKeepalive();
    return null;
  }

  /**
   * Handles the confirmation of a session: a lane received a packet of the initiator's under it.
   */
  public void confirm(HandshakePeer peer, long wallNanos) {
    if (peer.user().promoteConfirmed()) {
      forgetPending(peer);
      completed(peer, false, wallNanos);
    }
  }

  private void completed(HandshakePeer peer, boolean initiator, long wallNanos) {
    peer.timers().cancel(Timer.RETRANSMIT_HANDSHAKE);
    peer.resetAttempts();
    peer.lastMinuteHandshake(false);
    peer.lastHandshake(Instant.EPOCH.plusNanos(wallNanos));
    outcomes.count(initiator ? HandshakeOutcome.INITIATED : HandshakeOutcome.ANSWERED);
    peer.user().established(initiator);
  }

  private static void heard(HandshakePeer peer, Endpoint from, int bytes, long nowNanos) {
    peer.timers().authenticatedReceived(nowNanos);
    peer.user().heard(from, bytes);
  }

  private static void send(
      byte[] message, HandshakePeer peer, @Nullable Endpoint to, long nowNanos) {
    peer.timers().authenticatedSent(nowNanos);
    peer.user().send(message, to);
  }

  private void log(HandshakePeer peer, byte[] ephemeral) {
    if (keyLog != null) {
      keyLog.onHandshake(peer.publicKey(), ephemeral);
    }
  }
}
