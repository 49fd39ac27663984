// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import dev.culvert.lab.LabEngine;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * The send counters of the packets that crossed the wire, each of which a key bears only once. A
 * key is told by the sender's address and by the number with which the packet names its session:
 * the receiver's index of WireGuard, the SPI of ESP. So a number that is used again for another key
 * would be counted as a repeat, and never the other way round. Thread-safe.
 */
final class SentCounters {
  private static final int ETHERNET = 14;
  private static final int IPV4 = 20;
  private static final int SOURCE = ETHERNET + 12;
  private static final int PORT = ETHERNET + IPV4 + 2;
  private static final int PAYLOAD = ETHERNET + IPV4 + 8;
  private static final int UDP = 17;
  private static final int DATA = 4;
  private static final int BLOCK_BITS = 16;

  private record Key(int source, int session) {}

  private record Block(Key key, long number) {}

  private final LabEngine engine;
  private final Map<Key, Long> packetsByKey = new HashMap<>();
  private final Map<Block, BitSet> seen = new HashMap<>();
  private long packets;
  private long repeats;
  private long handshakeMessages;

  SentCounters(LabEngine engine) {
    this.engine = engine;
  }

  /** Counts a packet as it was captured, from its link header on. Others than the tunnel's pass. */
  synchronized void add(byte[] frame) {
    ByteBuffer packet = ByteBuffer.wrap(frame);
    boolean wireGuard = engine == LabEngine.WIREGUARD;
    if (frame.length < PAYLOAD + 16
        || frame[ETHERNET] != 0x45
        || frame[ETHERNET + 9] != UDP
        || packet.getShort(PORT) != (short) (wireGuard ? 51820 : 4500)) {
      return;
    }
    int source = packet.getInt(SOURCE);
    if (wireGuard) {
      packet.order(ByteOrder.LITTLE_ENDIAN);
      if (packet.getInt(PAYLOAD) == DATA) {
        add(new Key(source, packet.getInt(PAYLOAD + 4)), packet.getLong(PAYLOAD + 8));
      } else {
        handshakeMessages++;
      }
    } else if (packet.getInt(PAYLOAD) == 0) {
      handshakeMessages++; // behind the non-ESP marker
    } else {
      // With ESN the IV is the sequence number in full.
      add(new Key(source, packet.getInt(PAYLOAD)), packet.getLong(PAYLOAD + 8));
    }
  }

  private void add(Key key, long counter) {
    packets++;
    packetsByKey.merge(key, 1L, Long::sum);
    BitSet block = seen.computeIfAbsent(new Block(key, counter >>> BLOCK_BITS), _ -> new BitSet());
    int bit = (int) counter & ((1 << BLOCK_BITS) - 1);
    if (block.get(bit)) {
      repeats++;
    }
    block.set(bit);
  }

  /** Packets of data. */
  synchronized long packets() {
    return packets;
  }

  /** Packets whose key and counter were used before. */
  synchronized long repeats() {
    return repeats;
  }

  /** Messages of handshakes, and cookies. */
  synchronized long handshakeMessages() {
    return handshakeMessages;
  }

  synchronized int keys() {
    return packetsByKey.size();
  }

  @Override
  public synchronized String toString() {
    return "%d packets under %d keys, %d repeated, %d messages of handshakes"
        .formatted(packets, packetsByKey.size(), repeats, handshakeMessages);
  }
}
