package dev.culvert.tunnel.engine;

import dev.culvert.tunnel.train.Train;

/**
 * One lane's way through an engine: it owns the cipher's scratch and this lane's drop counters, and
 * belongs to one thread at a time. Several lanes run at once over the same sessions.
 */
public interface DataPath {
  /**
   * Seals a plain train to {@code peer} in place: pads, writes headers, reserves consecutive
   * counters, enciphers. Without a session the packets are copied and staged, and a handshake is
   * asked for.
   */
  default SealResult seal(TunnelPeer peer, Train train, long nowNanos) {
    SealResult verdict = reserve(peer, train, nowNanos);
    if (verdict == SealResult.SEALED) {
      encipher(train);
    }
    return verdict;
  }

  /**
   * The first half of {@link #seal}, for a lane that has the second done by another thread: all but
   * the enciphering. Counters are reserved here, so that trains leave in the order of their
   * counters whoever enciphers them.
   *
   * @return {@code SEALED} where {@link #encipher} has to follow, exactly once, on this or another
   *     data path of the engine; until then the train is plain and must not leave
   */
  SealResult reserve(TunnelPeer peer, Train train, long nowNanos);

  /**
   * The second half of {@link #seal}. Where it throws, the train must not leave.
   *
   * @throws IllegalStateException where the train has no reservation, so that no counter is used
   *     twice
   */
  void encipher(Train train);

  /**
   * Gives back what a train still holds that {@link #reserve} took and that nobody will encipher:
   * its counters are lost. Does nothing to any other train.
   */
  void release(Train train);

  /**
   * How many packets of a received train, from packet {@code first} on, may be opened together: one
   * session, one message type, consecutive counters, equal lengths but for the last. At least 1.
   */
  int runLength(Train received, int first);

  /**
   * Opens a run in place (see {@link #runLength}) and sets for every packet the inner length, 0
   * where there is nothing to deliver. What is delivered was authenticated, is no replay, and its
   * inner source belongs to the peer, which becomes the train's {@link Train#origin}. A handshake
   * message is checked cheaply and queued for the control side; no Diffie-Hellman happens here.
   *
   * @return packets that are to be delivered
   */
  int open(Train run, DatagramSource from, long nowNanos);

  /**
   * Overwrites what the ciphers have kept of keys, which closing a key does not reach. For a lane
   * that has nothing to do; the next train sets them up again.
   */
  void forgetKeys();

  /** What this lane dropped, by reason. */
  DropCounters drops();
}
