package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.Tai64n;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelPeer;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Instant;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The other end. The first half of its fields is shared with lanes, the second belongs to the
 * control thread.
 */
final class WireGuardPeer implements TunnelPeer {
  private static final VarHandle ENDPOINT;
  private static final VarHandle REQUESTS;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      ENDPOINT = lookup.findVarHandle(WireGuardPeer.class, "endpoint", Endpoint.class);
      REQUESTS = lookup.findVarHandle(WireGuardPeer.class, "requests", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final PublicKey publicKey;
  private final String name;
  private final Sessions sessions;
  private final PeerTimers timers;
  private final StagedQueue staged;
  private final LongAdder txBytes = new LongAdder();
  private final LongAdder rxBytes = new LongAdder();
  private volatile @Nullable Endpoint endpoint;
  private volatile int requests;
  private @Nullable WireGuardPeer below;
  private volatile long nextInitiation = Long.MIN_VALUE;
  private volatile int handshakeAttempts;
  private volatile boolean lastMinuteHandshake;

  // Control thread only.
  final CookieGenerator cookies;
  private SecretBytes presharedKey = SecretBytes.owning(new byte[Messages.KEY_LENGTH]);
  private @Nullable SecretBytes staticStatic;
  private @Nullable PendingInitiation pending;
  @Nullable Tai64n lastTimestampReceived;
  @Nullable Tai64n lastTimestampSent;
  long nextInitiationAccepted = Long.MIN_VALUE;
  @Nullable Instant lastHandshake;
  @Nullable Endpoint reportedEndpoint;
  boolean keepaliveWanted;
  boolean readyToTransmit;

  WireGuardPeer(PublicKey publicKey, SharedState shared) {
    this.publicKey = publicKey;
    name = publicKey.toString();
    sessions = new Sessions(shared.indices);
    timers = new PeerTimers(shared.deadlines);
    staged = new StagedQueue(shared.staging);
    cookies = new CookieGenerator(publicKey);
  }

  PublicKey publicKey() {
    return publicKey;
  }

  Sessions sessions() {
    return sessions;
  }

  PeerTimers timers() {
    return timers;
  }

  StagedQueue staged() {
    return staged;
  }

  LongAdder txBytes() {
    return txBytes;
  }

  LongAdder rxBytes() {
    return rxBytes;
  }

  @Override
  public @Nullable Endpoint endpoint() {
    return endpoint;
  }

  @Override
  public void forgetSource(Endpoint refused) {
    ENDPOINT.compareAndSet(this, refused, refused.withoutSource());
  }

  /** A configured endpoint: it replaces what was learnt. */
  void endpoint(Endpoint configured) {
    endpoint = configured;
  }

  /** Lets the kernel choose the source anew: the one in use may be what keeps us from an answer. */
  void forgetSource() {
    Endpoint now = endpoint;
    if (now != null) {
      forgetSource(now);
    }
  }

  /**
   * An authenticated datagram came from {@code from}: answer there.
   *
   * @return whether that is another place, for {@link Request#MOVED}
   */
  boolean heardFrom(Endpoint from) {
    Endpoint before = endpoint;
    if (from.equals(before)) {
      return false;
    }
    return ENDPOINT.compareAndSet(this, before, from) && !samePlace(from, before);
  }

  /** Whether both are one remote socket, whatever local address goes with it. */
  static boolean samePlace(Endpoint a, @Nullable Endpoint b) {
    return b != null
        && a.port() == b.port()
        && a.scope() == b.scope()
        && a.address().equals(b.address());
  }

  /** Whether the peer has to be put on the stack: it had no request before. */
  boolean addRequest(int request) {
    return (requests & request) != request && (int) REQUESTS.getAndBitwiseOr(this, request) == 0;
  }

  int takeRequests() {
    return (int) REQUESTS.getAndSet(this, 0);
  }

  @Nullable WireGuardPeer below() {
    return below;
  }

  void below(@Nullable WireGuardPeer newBelow) {
    below = newBelow;
  }

  /** Whether enough time has passed since the last handshake message to send an initiation. */
  boolean mayInitiate(long nowNanos) {
    return nowNanos >= nextInitiation;
  }

  long nextInitiation() {
    return nextInitiation;
  }

  void nextInitiation(long nanos) {
    nextInitiation = nanos;
  }

  int handshakeAttempts() {
    return handshakeAttempts;
  }

  /** Reset to zero by whoever has data to send: then giving up is put off. */
  void handshakeAttempts(int attempts) {
    handshakeAttempts = attempts;
  }

  /** Whether a last-minute handshake was asked for in this session already. */
  boolean lastMinuteHandshake() {
    return lastMinuteHandshake;
  }

  void lastMinuteHandshake(boolean asked) {
    lastMinuteHandshake = asked;
  }

  /** The peer is no more: a lane that still holds it finds no session and no way to get one. */
  void retire() {
    endpoint = null;
    sessions.clear();
    timers.cancelAll();
    timers.persistentKeepalive(0);
  }

  SecretBytes presharedKey() {
    return presharedKey;
  }

  /** Takes over {@code key}; it counts from the next handshake on. */
  void presharedKey(SecretBytes key) {
    presharedKey.close();
    presharedKey = key;
  }

  /** What both static keys agree on; null without a private key or where the peer's is bad. */
  @Nullable SecretBytes staticStatic() {
    return staticStatic;
  }

  void staticStatic(@Nullable SecretBytes shared) {
    if (staticStatic != null) {
      staticStatic.close();
    }
    staticStatic = shared;
  }

  @Nullable PendingInitiation pending() {
    return pending;
  }

  void pending(@Nullable PendingInitiation initiation) {
    if (pending != null) {
      pending.close();
    }
    pending = initiation;
  }

  @Override
  public String toString() {
    return name;
  }
}
