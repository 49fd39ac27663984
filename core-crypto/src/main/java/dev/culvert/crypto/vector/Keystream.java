// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto.vector;

import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.REVERSE_BYTES;
import static jdk.incubator.vector.VectorOperators.ULT;
import static jdk.incubator.vector.VectorOperators.XOR;

import dev.culvert.crypto.NonceLayout;
import dev.culvert.crypto.PacketRun;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * The keystream of up to 16 packets, 32 blocks per pass: first block 0 of every packet, which is
 * its Poly1305 key, then the blocks that encipher, packet after packet. Vectors hold each lane's
 * position in that sequence and arithmetic moves it on, so any mixture of packets fills the lanes
 * alike.
 */
final class Keystream {
  /** The most packets per run: those whose keys fit one state. */
  static final int MAX_PACKETS = ChaCha20.LANES;

  private static final int BLOCK_BYTES = 64;
  private static final int BLOCK_WORDS = 16;
  private static final int PASS = 2 * ChaCha20.LANES;

  private static final int COUNTER_ROW = 12 * ChaCha20.LANES;
  private static final int PREFIX_ROW = 13 * ChaCha20.LANES;
  private static final int NONCE_LOW_ROW = 14 * ChaCha20.LANES;
  private static final int NONCE_HIGH_ROW = 15 * ChaCha20.LANES;

  /** "expand 32-byte k". */
  private static final int[] CONSTANTS = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

  private static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_512;
  private static final IntVector LANE = IntVector.zero(ChaCha20.ROW).addIndex(1);

  private final int[] first = new int[ChaCha20.STATE];
  private final int[] second = new int[ChaCha20.STATE];

  /** The output of a pass: rows, then blocks. */
  private final int[] words = new int[2 * ChaCha20.STATE];

  /** Rows 0 to 7 of the packets' blocks 0, packet {@code i} in lane {@code i}. */
  private final int[] macKeys = new int[8 * ChaCha20.LANES];

  /** For each lane of both states its packet, and its block in it: 1 is the first to encipher. */
  private final int[] lanePacket = new int[PASS];

  private final int[] laneBlock = new int[PASS];

  /** The lanes' start positions for the shape of the last run. */
  private final int[] startPacket = new int[PASS];

  private final int[] startBlock = new int[PASS];
  private int shapePackets = -1;
  private int shapeBlocks = -1;

  private boolean bigEndian;
  private PacketRun run = new PacketRun();

  /**
   * Blocks that encipher one packet, and the distance of one pass in the sequence of these blocks.
   */
  private int blocksPerPacket;

  private int stepPackets;
  private int stepBlocks;

  /** The next block to encipher: block 0 here is the first. */
  private int packet;

  private int block;

  /** Sets the key for the next runs: 32 bytes as eight little-endian words. */
  void use(int[] key, NonceLayout layout, int noncePrefix) {
    fill(first, key, noncePrefix);
    fill(second, key, noncePrefix);
    bigEndian = layout == NonceLayout.BIG_ENDIAN_COUNTER;
  }

  private static void fill(int[] state, int[] key, int noncePrefix) {
    for (int i = 0; i < CONSTANTS.length; i++) {
      broadcast(state, i * ChaCha20.LANES, CONSTANTS[i]);
    }
    for (int i = 0; i < key.length; i++) {
      broadcast(state, (CONSTANTS.length + i) * ChaCha20.LANES, key[i]);
    }
    broadcast(state, PREFIX_ROW, Integer.reverseBytes(noncePrefix));
  }

  private static void broadcast(int[] state, int at, int word) {
    IntVector.broadcast(ChaCha20.ROW, word).intoArray(state, at);
  }

  /**
   * Makes the first pass for at most {@link #MAX_PACKETS} packets. Afterwards {@link #macKeys} is
   * valid and {@link #apply} may be called.
   */
  void start(PacketRun newRun) {
    run = newRun;
    blocksPerPacket = Math.max(1, (newRun.length() + BLOCK_BYTES - 1) / BLOCK_BYTES);
    stepPackets = PASS / blocksPerPacket;
    stepBlocks = PASS % blocksPerPacket;
    packet = 0;
    block = 0;
    placeLanes();
    pass(startPacket, startBlock, newRun.packets());
    macKeys(words, first, macKeys);
    if (newRun.packets() < ChaCha20.LANES) {
      ChaCha20.finish(first, words, 0);
    }
    ChaCha20.finish(second, words, ChaCha20.STATE);
  }

  /** Rows 0 to 7 of the keystream's block 0: packet {@code i} in lane {@code i}. */
  int[] macKeys() {
    return macKeys;
  }

  /** Enciphers, or deciphers, the packets that have a bit in {@code wanted}. */
  void apply(long wanted) {
    if (wanted == 0) {
      return;
    }
    apply(run.packets(), wanted);
    while (packet < run.packets()) {
      pass(lanePacket, laneBlock, 0);
      ChaCha20.finish(first, words, 0);
      ChaCha20.finish(second, words, ChaCha20.STATE);
      apply(0, wanted);
    }
  }

  /** Lays out the lanes of the first pass, unless the last run had the same shape. */
  private void placeLanes() {
    int packets = run.packets();
    if (packets != shapePackets || blocksPerPacket != shapeBlocks) {
      for (int i = 0; i < PASS; i++) {
        startPacket[i] = Math.floorDiv(i - packets, blocksPerPacket);
        startBlock[i] = Math.floorMod(i - packets, blocksPerPacket) + 1;
      }
      shapePackets = packets;
      shapeBlocks = blocksPerPacket;
    }
  }

  /**
   * 32 blocks, of the packets and blocks given for each lane; but the first {@code keys} lanes make
   * block 0 of the packet with the lane's number.
   */
  private void pass(int[] packets, int[] blocks, int keys) {
    aim(first, packets, blocks, 0, keys);
    aim(second, packets, blocks, ChaCha20.LANES, 0);
    ChaCha20.rounds(first, second, words);
  }

  /** Sets the counters and nonces of a state to its lanes' positions, and moves the lanes on. */
  private void aim(int[] state, int[] packets, int[] blocks, int at, int keys) {
    putCounters(state, packets, blocks, at, keys, run.firstCounter());
    if (bigEndian) {
      swapNonces(state);
    }
    advance(packets, blocks, at);
  }

  private static void putCounters(
      int[] state, int[] packets, int[] blocks, int at, int keys, long firstCounter) {
    VectorMask<Integer> isKey = LANE.compare(LT, keys);
    IntVector packet = IntVector.fromArray(ChaCha20.ROW, packets, at).blend(LANE, isKey);
    IntVector block = IntVector.fromArray(ChaCha20.ROW, blocks, at).blend(0, isKey);
    IntVector low = packet.add((int) firstCounter);
    VectorMask<Integer> carry = low.compare(ULT, (int) firstCounter);
    IntVector high = IntVector.broadcast(ChaCha20.ROW, (int) (firstCounter >>> 32)).add(1, carry);
    block.intoArray(state, COUNTER_ROW);
    low.intoArray(state, NONCE_LOW_ROW);
    high.intoArray(state, NONCE_HIGH_ROW);
  }

  private static void swapNonces(int[] state) {
    IntVector low = IntVector.fromArray(ChaCha20.ROW, state, NONCE_LOW_ROW);
    IntVector high = IntVector.fromArray(ChaCha20.ROW, state, NONCE_HIGH_ROW);
    high.lanewise(REVERSE_BYTES).intoArray(state, NONCE_LOW_ROW);
    low.lanewise(REVERSE_BYTES).intoArray(state, NONCE_HIGH_ROW);
  }

  private void advance(int[] packets, int[] blocks, int at) {
    IntVector packet = IntVector.fromArray(ChaCha20.ROW, packets, at).add(stepPackets);
    IntVector block = IntVector.fromArray(ChaCha20.ROW, blocks, at).add(stepBlocks);
    VectorMask<Integer> next = block.compare(GT, blocksPerPacket);
    packet.add(1, next).intoArray(lanePacket, at);
    block.sub(blocksPerPacket, next).intoArray(laneBlock, at);
  }

  private static void macKeys(int[] words, int[] state, int[] keys) {
    for (int i = 0; i < keys.length; i += ChaCha20.LANES) {
      IntVector.fromArray(ChaCha20.ROW, words, i)
          .add(IntVector.fromArray(ChaCha20.ROW, state, i))
          .intoArray(keys, i);
    }
  }

  /** Uses up the blocks of this pass from {@code from} on. */
  private void apply(int from, long wanted) {
    int lane = from;
    while (lane < PASS && packet < run.packets()) {
      int blocks = Math.min(PASS - lane, blocksPerPacket - block);
      if ((wanted >>> packet & 1) != 0) {
        long at = run.offset() + packet * run.stride() + (long) block * BLOCK_BYTES;
        int length = Math.max(0, run.lengthOf(packet) - block * BLOCK_BYTES);
        apply(words, lane, run.memory(), at, Math.min(length, blocks * BLOCK_BYTES));
      }
      lane += blocks;
      block += blocks;
      if (block == blocksPerPacket) {
        block = 0;
        packet++;
      }
    }
  }

  private static void apply(int[] words, int lane, MemorySegment memory, long at, int length) {
    int whole = length / BLOCK_BYTES;
    xor(words, lane * BLOCK_WORDS, memory, at, whole);
    int rest = length % BLOCK_BYTES;
    if (rest > 0) {
      xorPart(words, (lane + whole) * BLOCK_WORDS, memory, at + length - rest, rest);
    }
  }

  private static void xor(int[] words, int from, MemorySegment memory, long at, int blocks) {
    for (int i = 0; i < blocks; i++) {
      long address = at + (long) i * BLOCK_BYTES;
      IntVector.fromMemorySegment(ChaCha20.ROW, memory, address, ByteOrder.LITTLE_ENDIAN)
          .lanewise(XOR, IntVector.fromArray(ChaCha20.ROW, words, from + i * BLOCK_WORDS))
          .intoMemorySegment(memory, address, ByteOrder.LITTLE_ENDIAN);
    }
  }

  private static void xorPart(int[] words, int from, MemorySegment memory, long at, int length) {
    VectorMask<Byte> inside = BYTES.indexInRange(0, length);
    ByteVector.fromMemorySegment(BYTES, memory, at, ByteOrder.LITTLE_ENDIAN, inside)
        .lanewise(XOR, IntVector.fromArray(ChaCha20.ROW, words, from).reinterpretAsBytes())
        .intoMemorySegment(memory, at, ByteOrder.LITTLE_ENDIAN, inside);
  }

  /** Overwrites all traces of a key. */
  void forget() {
    Arrays.fill(first, 0);
    Arrays.fill(second, 0);
    Arrays.fill(words, 0);
    Arrays.fill(macKeys, 0);
  }
}
