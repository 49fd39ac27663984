// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import dev.culvert.tunnel.train.Train;

/**
 * An engine's packet path for one lane, with the cipher's scratch memory and the lane's drop
 * counters. Belongs to one thread at a time; several lanes use the same sessions at once.
 */
public interface DataPath {
  /**
   * Seals a plain train to {@code peer} in place: pads, writes headers, reserves consecutive
   * counters, enciphers. Without a session the packets are copied and staged, and a handshake is
   * requested.
   */
  default SealResult seal(TunnelPeer peer, Train train, long nowNanos) {
    SealResult verdict = reserve(peer, train, nowNanos);
    if (verdict == SealResult.SEALED) {
      encipher(train);
    }
    return verdict;
  }

  /**
   * The first half of {@link #seal}, for a lane that leaves the second half to another thread:
   * everything except the enciphering. Counters are reserved here, so that trains leave in the
   * order of their counters although other threads encipher them.
   *
   * @return {@code SEALED} if {@link #encipher} has to follow, exactly once, on this or another
   *     data path of the engine; until then the train is plaintext and must not be sent
   */
  SealResult reserve(TunnelPeer peer, Train train, long nowNanos);

  /**
   * The second half of {@link #seal}. If it throws, the train must not be sent.
   *
   * @throws IllegalStateException if the train has no reservation, so that no counter is used twice
   */
  void encipher(Train train);

  /**
   * Releases a train that was reserved but will not be enciphered; its counters are lost. Does
   * nothing to any other train.
   */
  void release(Train train);

  /**
   * The number of packets of a received train, from packet {@code first} on, that may be opened
   * together: one session, one message type, consecutive counters, equal lengths except for the
   * last. At least 1.
   */
  int runLength(Train received, int first);

  /**
   * Opens a run in place (see {@link #runLength}) and sets for every packet the inner length, 0 if
   * there is nothing to deliver. Delivered packets are authentic and no replays, and their inner
   * source belongs to the peer, which becomes the train's {@link Train#origin}. A handshake message
   * is checked cheaply and queued for the control side; no Diffie-Hellman happens here.
   *
   * @return number of packets to deliver
   */
  int open(Train run, DatagramSource from, long nowNanos);

  /**
   * Overwrites the ciphers' traces of keys, which closing a key does not reach. Called by an idle
   * lane; the next train sets the ciphers up again.
   */
  void forgetKeys();

  /** This lane's drops by reason. */
  DropCounters drops();
}
