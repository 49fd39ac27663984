// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.NonceLayout;
import dev.culvert.crypto.ReplayWindow;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.engine.Pinned;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.SavedWindow;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.noise.HandshakePeer;
import dev.culvert.tunnel.noise.Indexed;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.SessionAge;
import dev.culvert.tunnel.noise.TransportKeys;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A pair of transport keys, shared by all lanes.
 *
 * <p><b>Keys are never wiped in use</b>, see {@link Pinned}.
 *
 * <p><b>No counter is used twice.</b> {@link #reserve} moves the counter by compare-and-set and
 * never past the limit.
 */
final class Session extends Pinned implements Indexed {
  /** The result of {@link #reserve} if too few counters are left; it is past every limit. */
  static final long SPENT = -1;

  private static final VarHandle SEND_COUNTER;

  static {
    try {
      SEND_COUNTER = MethodHandles.lookup().findVarHandle(Session.class, "sendCounter", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final WireGuardPeer peer;
  private final SessionAge age;
  private final int localIndex;
  private final int remoteIndex;
  private final Limits limits;
  private final AeadKey sendKey;
  private final AeadKey receiveKey;
  private final ReplayWindow window;

  private volatile long sendCounter;
  private volatile boolean confirmed;

  /** Takes over both keys. */
  Session(WireGuardPeer peer, TransportKeys keys, Limits limits) {
    this.peer = peer;
    this.age = keys.age();
    this.localIndex = keys.localIndex();
    this.remoteIndex = keys.remoteIndex();
    this.limits = limits;
    this.sendKey = key(keys.sendKey());
    this.receiveKey = key(keys.receiveKey());
    window = new ReplayWindow(limits.rejectAfterMessages());
  }

  private static AeadKey key(byte[] bytes) {
    return new AeadKey(
        AeadAlgorithm.CHACHA20_POLY1305,
        SecretBytes.owning(bytes),
        NonceLayout.LITTLE_ENDIAN_COUNTER,
        0);
  }

  void save(StateWriter out, long nowNanos) {
    out.flag(age.initiator())
        .time(age.createdNanos(), nowNanos)
        .int32(localIndex)
        .int32(remoteIndex)
        .flag(confirmed)
        .int64(sendCounter);
    save(sendKey, out);
    save(receiveKey, out);
    synchronized (window) {
      SavedWindow.save(window, out);
    }
  }

  private static void save(AeadKey key, StateWriter out) {
    byte[] copy = new byte[Messages.KEY_LENGTH];
    key.copyTo(copy);
    try (SecretBytes secret = SecretBytes.owning(copy)) {
      out.secret(secret);
    }
  }

  /**
   * Reads a session, which goes on at the age that it had.
   *
   * @throws StateException if it cannot be read; its keys were wiped
   */
  static Session restore(WireGuardPeer peer, Limits limits, StateReader in, long savedAtNanos)
      throws StateException {
    boolean initiator = in.flag();
    long created = in.time(savedAtNanos);
    if (created == Long.MIN_VALUE || created > savedAtNanos) {
      throw new StateException("no age of a session");
    }
    int localIndex = in.int32();
    int remoteIndex = in.int32();
    boolean wasConfirmed = in.flag();
    long counter = in.int64();
    SessionAge age = new SessionAge(initiator, created);
    Session session;
    try (SecretBytes send = in.secret(Messages.KEY_LENGTH);
        SecretBytes receive = in.secret(Messages.KEY_LENGTH)) {
      session =
          new Session(
              peer,
              new TransportKeys(
                  age, localIndex, remoteIndex, send.toByteArray(), receive.toByteArray()),
              limits);
    }
    session.confirmed = wasConfirmed;
    session.sendCounter = counter;
    try {
      SavedWindow.restore(session.window, in);
    } catch (StateException e) {
      session.close();
      throw e;
    }
    return session;
  }

  /** Leaves out the next counters, for another process that may have used them. */
  void jumpAhead(long packets) {
    sendCounter = SafetyJump.ahead(sendCounter, packets, limits.rejectAfterMessages());
  }

  WireGuardPeer peer() {
    return peer;
  }

  @Override
  public HandshakePeer handshakePeer() {
    return peer.handshake();
  }

  /** Whether this end began the handshake and so has to renew the session. */
  boolean initiator() {
    return age.initiator();
  }

  @Override
  public int localIndex() {
    return localIndex;
  }

  int remoteIndex() {
    return remoteIndex;
  }

  /** For a lane that holds a pin. */
  AeadKey sendKey() {
    return sendKey;
  }

  /** For a lane that holds a pin. */
  AeadKey receiveKey() {
    return receiveKey;
  }

  boolean isExpired(long nowNanos) {
    return age.isExpired(nowNanos);
  }

  /** Whether a packet may be sealed at all. */
  boolean maySend(long nowNanos) {
    return !isExpired(nowNanos)
        && Long.compareUnsigned(sendCounter, limits.rejectAfterMessages()) < 0;
  }

  /**
   * Whether its initiator should renew it when sending, because of its age or its number of
   * packets.
   */
  boolean isStaleForSending(long nowNanos) {
    return age.isStaleForSending(nowNanos)
        || Long.compareUnsigned(sendCounter, limits.rekeyAfterMessages()) > 0;
  }

  /** Whether it must be renewed when receiving, before the other end refuses it. */
  boolean isStaleForReceiving(long nowNanos) {
    return age.isStaleForReceiving(nowNanos);
  }

  /** Whether {@code counter} may come from the other end. */
  boolean isInRange(long counter) {
    return Long.compareUnsigned(counter, limits.rejectAfterMessages()) < 0;
  }

  /**
   * Takes {@code packets} consecutive counters for the caller alone.
   *
   * @return the first, or {@link #SPENT} if fewer are left
   */
  long reserve(int packets) {
    while (true) {
      long first = sendCounter;
      long limit = limits.rejectAfterMessages();
      if (Long.compareUnsigned(first, limit) >= 0
          || Long.compareUnsigned(limit - first, packets) < 0) {
        return SPENT;
      }
      if (SEND_COUNTER.compareAndSet(this, first, first + packets)) {
        return first;
      }
    }
  }

  /** Tests and sets the window for every packet whose bit is set; the bits of fresh ones remain. */
  long acceptFresh(long firstCounter, long authenticated) {
    long fresh = 0;
    synchronized (window) {
      for (long rest = authenticated; rest != 0; rest &= rest - 1) {
        int i = Long.numberOfTrailingZeros(rest);
        if (window.accept(firstCounter + i)) {
          fresh |= 1L << i;
        }
      }
    }
    return fresh;
  }

  /** Whether the responder has received a packet of the initiator's under these keys. */
  boolean confirmed() {
    return confirmed;
  }

  void confirm() {
    confirmed = true;
  }

  @Override
  protected void wipe() {
    sendKey.close();
    receiveKey.close();
  }

  /** For tests: as if all counters below {@code counter} had been used. */
  void skipTo(long counter) {
    sendCounter = counter;
  }

  @Override
  public String toString() {
    return "Session[" + peer + (age.initiator() ? ", initiator]" : ", responder]");
  }
}
