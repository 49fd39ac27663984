// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto.vector;

import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.ULT;
import static jdk.incubator.vector.VectorOperators.XOR;

import dev.culvert.crypto.PacketRun;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * The keystream of up to 16 packets of equal length: first block 0 of every packet, which is its
 * Poly1305 key, then the blocks that encipher, packet after packet. Vectors hold each lane's
 * position in that sequence and arithmetic moves it on, so that no lane stays empty at the end of a
 * packet.
 */
final class Keystream {
  /** The most packets per run: those whose keys fit one state. */
  static final int MAX_PACKETS = ChaCha20.LANES;

  private static final int BLOCK_BYTES = 64;
  private static final int BLOCK_WORDS = 16;

  /**
   * Blocks that are made before any is used: those of two states, so that the blocks of one packet
   * are XORed in few pieces.
   */
  private static final int PASS = 2 * ChaCha20.LANES;

  private static final int COUNTER_ROW = 12 * ChaCha20.LANES;
  private static final int PREFIX_ROW = 13 * ChaCha20.LANES;
  private static final int NONCE_LOW_ROW = 14 * ChaCha20.LANES;
  private static final int NONCE_HIGH_ROW = 15 * ChaCha20.LANES;

  /** "expand 32-byte k". */
  private static final int[] CONSTANTS = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

  /** The lanes that make the keys: block 0 of packets 0 to 15. */
  private static final int[] KEY_PACKETS = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

  private static final int[] KEY_BLOCKS = new int[ChaCha20.LANES];

  private static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_512;

  private final int[] state = new int[ChaCha20.STATE];

  /** Block 0 of each packet. */
  private final int[] macKeys = new int[ChaCha20.STATE];

  /** The blocks of a pass. */
  private final int[] words = new int[2 * ChaCha20.STATE];

  /** For each lane of a pass its packet, and its block in it: 1 is the first to encipher. */
  private final int[] lanePacket = new int[PASS];

  private final int[] laneBlock = new int[PASS];

  /** The lanes' start positions for packets with {@link #shape} blocks. */
  private final int[] startPacket = new int[PASS];

  private final int[] startBlock = new int[PASS];
  private int shape = -1;

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
  void use(int[] key, int noncePrefix) {
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
   * Makes the keys of at most {@link #MAX_PACKETS} packets of one length. Afterwards {@link
   * #macKeys} is valid and {@link #apply} may be called.
   */
  void start(PacketRun newRun) {
    run = newRun;
    blocksPerPacket = Math.max(1, (newRun.length() + BLOCK_BYTES - 1) / BLOCK_BYTES);
    stepPackets = PASS / blocksPerPacket;
    stepBlocks = PASS % blocksPerPacket;
    placeLanes();
    aim(state, KEY_PACKETS, KEY_BLOCKS, 0, newRun.firstCounter());
    ChaCha20.blocks(state, macKeys, 0);
  }

  /** Block 0 of each packet, 16 words each, of which the first eight are its Poly1305 key. */
  int[] macKeys() {
    return macKeys;
  }

  /** Enciphers, or deciphers, the packets that have a bit in {@code wanted}. */
  void apply(long wanted) {
    if (wanted == 0) {
      return;
    }
    packet = 0;
    block = 0;
    int[] packets = startPacket;
    int[] blocks = startBlock;
    for (int left = run.packets() * blocksPerPacket; left > 0; left -= PASS) {
      pass(packets, blocks, left);
      apply(Math.min(PASS, left), wanted);
      packets = lanePacket;
      blocks = laneBlock;
    }
  }

  /** Lays out the lanes of the first pass, unless the last run had the same shape. */
  private void placeLanes() {
    if (blocksPerPacket != shape) {
      for (int i = 0; i < PASS; i++) {
        startPacket[i] = i / blocksPerPacket;
        startBlock[i] = i % blocksPerPacket + 1;
      }
      shape = blocksPerPacket;
    }
  }

  /** The next 32 blocks, or 16 if no more are needed, of the packets and blocks given per lane. */
  private void pass(int[] packets, int[] blocks, int needed) {
    for (int at = 0; at < Math.min(PASS, needed); at += ChaCha20.LANES) {
      aim(state, packets, blocks, at, run.firstCounter());
      advance(packets, blocks, at);
      ChaCha20.blocks(state, words, at * BLOCK_WORDS);
    }
  }

  /** Sets the counters and nonces of the state to its lanes' positions. */
  private static void aim(int[] state, int[] packets, int[] blocks, int at, long firstCounter) {
    IntVector packet = IntVector.fromArray(ChaCha20.ROW, packets, at);
    IntVector low = packet.add((int) firstCounter);
    VectorMask<Integer> carry = low.compare(ULT, (int) firstCounter);
    IntVector high = IntVector.broadcast(ChaCha20.ROW, (int) (firstCounter >>> 32)).add(1, carry);
    IntVector.fromArray(ChaCha20.ROW, blocks, at).intoArray(state, COUNTER_ROW);
    low.intoArray(state, NONCE_LOW_ROW);
    high.intoArray(state, NONCE_HIGH_ROW);
  }

  private void advance(int[] packets, int[] blocks, int at) {
    IntVector packet = IntVector.fromArray(ChaCha20.ROW, packets, at).add(stepPackets);
    IntVector block = IntVector.fromArray(ChaCha20.ROW, blocks, at).add(stepBlocks);
    VectorMask<Integer> next = block.compare(GT, blocksPerPacket);
    packet.add(1, next).intoArray(lanePacket, at);
    block.sub(blocksPerPacket, next).intoArray(laneBlock, at);
  }

  /** Uses up the first {@code lanes} blocks of this pass. */
  private void apply(int lanes, long wanted) {
    int lane = 0;
    while (lane < lanes) {
      int blocks = Math.min(lanes - lane, blocksPerPacket - block);
      if ((wanted >>> packet & 1) != 0) {
        long at = run.offset() + packet * run.stride() + (long) block * BLOCK_BYTES;
        int length = run.length() - block * BLOCK_BYTES;
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
    Arrays.fill(state, 0);
    Arrays.fill(macKeys, 0);
    Arrays.fill(words, 0);
  }
}
