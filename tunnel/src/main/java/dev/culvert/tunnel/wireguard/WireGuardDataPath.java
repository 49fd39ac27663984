// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DatagramSource;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.StagedQueue;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.noise.HandshakeFilter;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.PeerTimers;
import dev.culvert.tunnel.noise.Timer;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The path of one lane's packets through the engine.
 *
 * <ol>
 *   <li>Out: pin the session, reserve counters, write headers, encipher the train; without a
 *       session stage copies.
 *   <li>In: find the session by index, pin it, open the run, pass the replay window, move the
 *       endpoint, check every inner source.
 * </ol>
 *
 * Timers are set directly; everything else is requested of the control side.
 */
final class WireGuardDataPath implements DataPath {
  private static final AeadAlgorithm CIPHER = AeadAlgorithm.CHACHA20_POLY1305;

  private final WireGuardState shared;
  private final DropCounters drops;
  private final PacketRun run = new PacketRun();
  private final SourceCheck sources;
  private AeadBackend aead;
  private TrainCipher cipher;

  WireGuardDataPath(WireGuardState shared, DropCounters drops) {
    this.shared = shared;
    aead = shared.aead();
    cipher = aead.newTrainCipher(CIPHER);
    this.drops = drops;
    sources = new SourceCheck(shared.allowedIps, drops);
  }

  @Override
  public DropCounters drops() {
    return drops;
  }

  private TrainCipher cipher() {
    AeadBackend now = shared.aead();
    if (now != aead) {
      aead = now;
      cipher.forgetKeys();
      cipher = now.newTrainCipher(CIPHER);
    }
    return cipher;
  }

  @Override
  public void forgetKeys() {
    cipher.forgetKeys();
  }

  // 1. Out

  @Override
  public SealResult reserve(TunnelPeer to, Train train, long nowNanos) {
    WireGuardPeer peer = (WireGuardPeer) to;
    if (!fits(train)) {
      drops.count(DropReason.MALFORMED, train.packets());
      return SealResult.DROPPED;
    }
    if (peer.endpoint() == null) {
      drops.count(DropReason.NO_ENDPOINT, train.packets());
      return SealResult.DROPPED;
    }
    return reserveUnderCurrent(peer, train, nowNanos)
        ? SealResult.SEALED
        : stage(peer, train, nowNanos);
  }

  /**
   * Seals without staging.
   *
   * @return false if the peer has no session for it
   */
  boolean sealUnderCurrent(WireGuardPeer peer, Train train, long nowNanos) {
    boolean reserved = reserveUnderCurrent(peer, train, nowNanos);
    if (reserved) {
      encipher(train);
    }
    return reserved;
  }

  private boolean reserveUnderCurrent(WireGuardPeer peer, Train train, long nowNanos) {
    Session session = peer.sessions().current();
    if (session == null
        || session.isExpired(nowNanos)
        || shared.trust.isWithdrawn()
        || !reserveUnder(session, train)) {
      return false;
    }
    peer.txBytes().add(train.sealedBytes());
    PeerTimers timers = peer.timers();
    timers.authenticatedSent(nowNanos);
    if (train.length(0) > 0) {
      timers.dataSent(nowNanos);
    }
    if (session.isStaleForSending(nowNanos)) {
      askForHandshake(peer, nowNanos);
    }
    return true;
  }

  /** The train keeps the session pinned until it is enciphered. */
  private static boolean reserveUnder(Session session, Train train) {
    if (!session.pin()) {
      return false;
    }
    boolean reserved = false;
    try {
      long counter = session.reserve(train.packets());
      if (counter != Session.SPENT) {
        writeHeadersAndPadding(train, session.remoteIndex(), counter);
        train.reservation(session);
        reserved = true;
      }
      return reserved;
    } finally {
      if (!reserved) {
        session.unpin();
      }
    }
  }

  @Override
  public void encipher(Train train) {
    if (!(train.reservation() instanceof Session session)) {
      throw new IllegalStateException("a train without reserved counters");
    }
    // Taken before the cipher runs: no second call can use the counters again.
    train.reservation(null);
    try {
      run.at(train.memory(), train.inner(0), train.stride())
          .of(
              train.packets(),
              train.stride() - DataMessages.DATA_OVERHEAD,
              train.lastSealedLength() - DataMessages.DATA_OVERHEAD)
          .counting(
              train.memory().get(DataMessages.LONG, train.slot(0) + DataMessages.DATA_COUNTER));
      cipher().seal(session.sendKey(), run);
    } finally {
      session.unpin();
    }
  }

  @Override
  public void release(Train train) {
    if (train.reservation() instanceof Session session) {
      train.reservation(null);
      session.unpin();
    }
  }

  private static void writeHeadersAndPadding(Train train, int remoteIndex, long firstCounter) {
    MemorySegment memory = train.memory();
    for (int i = 0; i < train.packets(); i++) {
      long at = train.slot(i);
      memory.set(DataMessages.INT, at + Messages.TYPE, DataMessages.DATA);
      memory.set(DataMessages.INT, at + DataMessages.DATA_RECEIVER, remoteIndex);
      memory.set(DataMessages.LONG, at + DataMessages.DATA_COUNTER, firstCounter + i);
      long end = at + train.sealedLength(i) - Messages.TAG_LENGTH;
      for (long pad = at + DataMessages.DATA_HEADER + train.length(i); pad < end; pad++) {
        memory.set(ValueLayout.JAVA_BYTE, pad, (byte) 0);
      }
    }
  }

  /** Whether the train was laid out as {@link WireGuardOverhead} says. */
  private static boolean fits(Train train) {
    boolean fits = train.packets() > 0 && train.headroom() == DataMessages.DATA_HEADER;
    for (int i = 0; i < train.packets(); i++) {
      fits &= train.length(i) + DataMessages.DATA_OVERHEAD <= train.sealedLength(i);
    }
    return fits;
  }

  /**
   * Stages copies until there is a session. One may have come up meanwhile: the control side
   * publishes a session and then looks for staged packets, and this stages packets and then looks
   * for a session, so at least one of the two sees the other.
   */
  private SealResult stage(WireGuardPeer peer, Train train, long nowNanos) {
    StagedQueue staged = peer.staged();
    int dropped = 0;
    for (int i = 0; i < train.packets(); i++) {
      byte[] copy = new byte[train.length(i)];
      MemorySegment.copy(
          train.memory(), ValueLayout.JAVA_BYTE, train.inner(i), copy, 0, copy.length);
      dropped += staged.add(copy);
    }
    if (dropped > 0) {
      drops.count(DropReason.STAGING_FULL, dropped);
    }
    peer.handshake().resetAttempts();
    Session session = peer.sessions().current();
    if (session != null && session.maySend(nowNanos)) {
      shared.requests.submit(peer, Request.FLUSH);
    } else {
      askForHandshake(peer, nowNanos);
    }
    return SealResult.STAGED;
  }

  private void askForHandshake(WireGuardPeer peer, long nowNanos) {
    if (peer.handshake().mayInitiate(nowNanos)) {
      shared.requests.submit(peer, Request.HANDSHAKE);
    } else if (!peer.timers().isArmed(Timer.RETRANSMIT_HANDSHAKE)) {
      peer.timers().arm(Timer.RETRANSMIT_HANDSHAKE, peer.handshake().nextInitiation());
    }
  }

  // 2. In

  @Override
  public int runLength(Train received, int first) {
    int packets = received.packets();
    if (received.sealedLength(first) < DataMessages.DATA_OVERHEAD) {
      return 1;
    }
    MemorySegment memory = received.memory();
    long at = received.slot(first);
    long typeAndIndex = memory.get(DataMessages.LONG, at);
    if ((int) typeAndIndex != DataMessages.DATA) {
      return 1;
    }
    long counter = memory.get(DataMessages.LONG, at + DataMessages.DATA_COUNTER);
    int next = first + 1;
    while (next < packets
        && received.sealedLength(next) >= DataMessages.DATA_OVERHEAD
        && memory.get(DataMessages.LONG, received.slot(next)) == typeAndIndex
        && memory.get(DataMessages.LONG, received.slot(next) + DataMessages.DATA_COUNTER)
            == counter + (next - first)) {
      next++;
    }
    return next - first;
  }

  @Override
  public int open(Train received, DatagramSource from, long nowNanos) {
    int packets = received.packets();
    received.headroom(DataMessages.DATA_HEADER);
    for (int i = 0; i < packets; i++) {
      received.length(i, 0);
    }
    boolean data =
        received.lastSealedLength() >= DataMessages.DATA_OVERHEAD
            && received.memory().get(DataMessages.INT, received.slot(0)) == DataMessages.DATA;
    if (data) {
      return openData(received, from, nowNanos);
    }
    for (int i = 0; i < packets; i++) {
      receiveHandshake(received, i, from);
    }
    return 0;
  }

  private int openData(Train received, DatagramSource from, long nowNanos) {
    MemorySegment memory = received.memory();
    int packets = received.packets();
    int index = memory.get(DataMessages.INT, received.slot(0) + DataMessages.DATA_RECEIVER);
    long counter = memory.get(DataMessages.LONG, received.slot(0) + DataMessages.DATA_COUNTER);
    if (!(shared.indices.find(index) instanceof Session session)) {
      drops.count(DropReason.UNKNOWN_INDEX, packets);
      return 0;
    }
    if (session.isExpired(nowNanos) || !session.isInRange(counter) || !session.pin()) {
      drops.count(DropReason.EXPIRED, packets);
      return 0;
    }
    long authenticated;
    try {
      run.at(memory, received.inner(0), received.stride())
          .of(
              packets,
              received.stride() - DataMessages.DATA_OVERHEAD,
              received.lastSealedLength() - DataMessages.DATA_OVERHEAD)
          .counting(counter);
      authenticated = cipher().open(session.receiveKey(), run) & run.allPackets();
    } finally {
      session.unpin();
    }
    countMissing(DropReason.BAD_TAG, run.allPackets(), authenticated);
    if (authenticated == 0) {
      return 0;
    }
    long fresh = session.acceptFresh(counter, authenticated);
    countMissing(DropReason.REPLAYED, authenticated, fresh);
    if (fresh == 0) {
      return 0;
    }
    received.origin(session.peer());
    boolean anyData = hasData(received, fresh);
    received(session, from.endpoint(), received.sealedBytes(fresh), anyData, nowNanos);
    return anyData ? sources.deliver(received, fresh, session.peer()) : 0;
  }

  /** Whether any of the packets, bits of a mask, is more than a keepalive. */
  private static boolean hasData(Train train, long packets) {
    // All are as long as the first, except the last, which may be a keepalive.
    int first = Long.numberOfTrailingZeros(packets);
    return train.sealedLength(first) > DataMessages.DATA_OVERHEAD;
  }

  private void countMissing(DropReason reason, long before, long after) {
    if (before != after) {
      drops.count(reason, Long.bitCount(before ^ after));
    }
  }

  /** Handles authentic, fresh packets, whatever their contents. */
  private void received(Session session, Endpoint from, int bytes, boolean data, long nowNanos) {
    WireGuardPeer peer = session.peer();
    if (peer.heardFrom(from)) {
      shared.requests.submit(peer, Request.MOVED);
    }
    if (!session.initiator() && !session.confirmed()) {
      session.confirm();
      shared.requests.submit(peer, Request.CONFIRM);
    }
    Session current = peer.sessions().current();
    if (current != null
        && current.isStaleForReceiving(nowNanos)
        && !peer.handshake().lastMinuteHandshake()) {
      peer.handshake().lastMinuteHandshake(true);
      askForHandshake(peer, nowNanos);
    }
    peer.rxBytes().add(bytes);
    PeerTimers timers = peer.timers();
    timers.authenticatedReceived(nowNanos);
    if (data) {
      timers.dataReceived(nowNanos);
    }
  }

  /** Makes the checks that need no Diffie-Hellman, and queues a copy. */
  private void receiveHandshake(Train received, int i, DatagramSource from) {
    int length = received.sealedLength(i);
    if (length < Messages.TYPE_LENGTH) {
      drops.count(DropReason.BAD_LENGTH);
      return;
    }
    long at = received.slot(i);
    int type = received.memory().get(DataMessages.INT, at);
    int expected = Messages.handshakeLength(type);
    if (expected == 0 && type != DataMessages.DATA) {
      drops.count(DropReason.UNKNOWN_TYPE);
    } else if (length != expected) {
      drops.count(DropReason.BAD_LENGTH);
    } else if (shared.handshakes.isFull(from)) {
      drops.count(DropReason.QUEUE_FULL);
    } else {
      byte[] copy = new byte[length];
      MemorySegment.copy(received.memory(), ValueLayout.JAVA_BYTE, at, copy, 0, length);
      queueHandshake(copy, from);
    }
  }

  private void queueHandshake(byte[] message, DatagramSource from) {
    DropReason refused = HandshakeFilter.refuse(message, shared.identity(), shared.indices);
    if (refused != null) {
      drops.count(refused);
    } else if (!shared.handshakes.offer(message, from.endpoint())) {
      drops.count(DropReason.QUEUE_FULL);
    }
  }
}
