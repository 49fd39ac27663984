// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.train.Fragmentation;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The trains that a lane fills before it seals and sends them together. Packets of one peer keep
 * their order: a packet goes only into the newest train of its peer, or into a new one behind it.
 */
final class OutboundTrains {
  static final int COUNT = 16;

  static final long BYTES = (long) COUNT * Train.BUFFER_BYTES;

  private final MemorySegment memory;
  private final int headroom;
  private final Train[] trains = new Train[COUNT];
  private final @Nullable TunnelPeer[] peers = new TunnelPeer[COUNT];
  private int used;
  private int packets;

  OutboundTrains(MemorySegment memory, int headroom) {
    this.memory = memory;
    this.headroom = headroom;
    for (int i = 0; i < COUNT; i++) {
      trains[i] = new Train();
    }
  }

  /** The train for a peer's next packet, or null if all are in use and have to be sent first. */
  @Nullable Train trainFor(
      TunnelPeer peer, int sealedLength, int tos, Fragmentation fragmentation) {
    for (int i = used - 1; i >= 0; i--) {
      if (peers[i] == peer) {
        Train newest = trains[i];
        if (newest.tos() == tos
            && newest.fragmentation() == fragmentation
            && newest.accepts(sealedLength)) {
          return newest;
        }
        break;
      }
    }
    if (used == COUNT) {
      return null;
    }
    Train fresh = trains[used].startAt(memory, (long) used * Train.BUFFER_BYTES, headroom);
    fresh.tos(tos);
    fresh.fragmentation(fragmentation);
    peers[used++] = peer;
    return fresh;
  }

  int count() {
    return used;
  }

  Train train(int i) {
    return trains[i];
  }

  TunnelPeer peer(int i) {
    TunnelPeer peer = peers[i];
    if (peer == null) {
      throw new IndexOutOfBoundsException(i);
    }
    return peer;
  }

  void added(int newPackets) {
    packets += newPackets;
  }

  /** Packets in all trains. */
  int packets() {
    return packets;
  }

  /**
   * Removes a peer's packets after one of them was written only in part, since the bytes behind it
   * in the buffer belong to another peer; returns their number.
   */
  int discard(TunnelPeer peer) {
    int discarded = 0;
    for (int i = 0; i < used; i++) {
      if (peers[i] == peer) {
        Train train = trains[i];
        discarded += train.packets();
        train.startAt(train.memory(), train.slot(0), train.headroom());
      }
    }
    packets = 0;
    for (int i = 0; i < used; i++) {
      packets += trains[i].packets();
    }
    return discarded;
  }

  void clear() {
    for (int i = 0; i < used; i++) {
      peers[i] = null;
    }
    used = 0;
    packets = 0;
  }
}
