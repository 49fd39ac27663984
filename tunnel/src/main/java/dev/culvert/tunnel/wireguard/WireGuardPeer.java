package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.Tai64n;
import dev.culvert.tunnel.engine.BasePeer;
import dev.culvert.tunnel.engine.Endpoint;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The other end. The first half of its fields is shared with lanes, the second belongs to the
 * control thread.
 */
final class WireGuardPeer extends BasePeer<WireGuardPeer> {
  private final PublicKey publicKey;
  private final String name;
  private final Sessions sessions;
  private final PeerTimers timers;
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
    super(shared.staging);
    this.publicKey = publicKey;
    name = publicKey.toString();
    sessions = new Sessions(shared.indices);
    timers = new PeerTimers(shared.deadlines);
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
    endpoint(null);
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
