// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A trie that takes six bits of the address per step and packs each node into three longs, after
 * "Poptrie: A Compressed Trie with Population Count for Fast and Scalable Software IP Routing Table
 * Lookup" (Asai and Ohara, SIGCOMM 2015).
 *
 * <p>Of a node's 64 slots, {@code childBits} marks those that lead to a child; children lie side by
 * side, so the number of marks up to a slot finds its child. All other slots are answers; a run of
 * equal answers is kept once, and {@code runBits} marks the start of each run.
 *
 * <p>The first bits are taken in one step, through an array; more of them if there are many
 * prefixes. Their number is chosen so that the most common prefix length ends at a node's boundary:
 * else each such prefix would have a node to itself, and the trie would be too large for the cache.
 */
final class PrefixTrie {
  /** The answer if no prefix holds the address. */
  static final int NONE = -1;

  private static final int STEP = 6;
  private static final int SLOTS = 1 << STEP;
  private static final int MAX_BITS = 128;

  /** From this number of prefixes on, a larger first step is worth its memory. */
  private static final int MANY = 4096;

  /**
   * Longs of a node: childBits, runBits, and the first child (upper half) and first run (lower).
   */
  private static final int NODE = 3;

  /** By the key's first bits: the index in {@code nodes} of the next node, or {@link #leaf}. */
  private final int[] roots;

  private final int rootBits;
  private final long[] nodes;
  private final int[] runs;

  private PrefixTrie(int[] roots, int rootBits, long[] nodes, int[] runs) {
    this.roots = roots;
    this.rootBits = rootBits;
    this.nodes = nodes;
    this.runs = runs;
  }

  /** The id of the longest prefix of the left-aligned key, or {@link #NONE}. */
  int find(long high, long low) {
    int node = roots[(int) (high >>> (Long.SIZE - rootBits))];
    if (node < 0) {
      return leaf(node);
    }
    high = high << rootBits | low >>> (Long.SIZE - rootBits);
    low <<= rootBits;
    while (true) {
      int slot = (int) (high >>> (Long.SIZE - STEP));
      long upToSlot = -1L >>> (SLOTS - 1 - slot);
      long childBits = nodes[node];
      long bases = nodes[node + 2];
      if ((childBits >>> slot & 1) == 0) {
        return runs[(int) bases + Long.bitCount(nodes[node + 1] & upToSlot) - 1];
      }
      node = ((int) (bases >>> 32) + Long.bitCount(childBits & upToSlot) - 1) * NODE;
      high = high << STEP | low >>> (Long.SIZE - STEP);
      low <<= STEP;
    }
  }

  /** Converts an answer, which is at least {@link #NONE}, to a negative number, and back. */
  private static int leaf(int answer) {
    return -2 - answer;
  }

  /** The size of the arrays in bytes. */
  long bytes() {
    return (long) Integer.BYTES * (roots.length + runs.length) + (long) Long.BYTES * nodes.length;
  }

  /** The slots of the node that is being packed at one depth. */
  private static final class Level {
    final int[] answers = new int[SLOTS];

    /** The begin and end of the prefixes that continue below a slot. */
    final int[] starts = new int[SLOTS];

    final int[] ends = new int[SLOTS];
  }

  /** Collects prefixes and packs them. Used for one trie. */
  static final class Builder {
    private long[] highs = new long[4];
    private long[] lows = new long[4];
    private int[] lengths = new int[4];
    private int[] ids = new int[4];
    private int count;
    private boolean sorted = true;

    private final Level[] levels = new Level[MAX_BITS / STEP + 1];
    private long[] nodes = new long[0];
    private int nodeCount;
    private int[] runs = new int[16];
    private int runCount;

    /**
     * Adds a prefix of a left-aligned key, its host bits zero; each may be added once. Building is
     * fastest if they are added in order, a shorter prefix before those that it covers.
     */
    void add(long high, long low, int length, int id) {
      highs = grown(highs, count + 1);
      lows = grown(lows, count + 1);
      lengths = grown(lengths, count + 1);
      ids = grown(ids, count + 1);
      highs[count] = high;
      lows[count] = low;
      lengths[count] = length;
      ids[count++] = id;
      sorted = sorted && (count == 1 || compare(count - 2, count - 1) < 0);
    }

    private int compare(int left, int right) {
      int order = Long.compareUnsigned(highs[left], highs[right]);
      order = order != 0 ? order : Long.compareUnsigned(lows[left], lows[right]);
      return order != 0 ? order : Integer.compare(lengths[left], lengths[right]);
    }

    private void sort() {
      int[] order =
          IntStream.range(0, count).boxed().sorted(this::compare).mapToInt(i -> i).toArray();
      highs = Arrays.stream(order).mapToLong(i -> highs[i]).toArray();
      lows = Arrays.stream(order).mapToLong(i -> lows[i]).toArray();
      lengths = Arrays.stream(order).map(i -> lengths[i]).toArray();
      ids = Arrays.stream(order).map(i -> ids[i]).toArray();
    }

    PrefixTrie build() {
      if (!sorted) {
        sort();
      }
      Arrays.setAll(levels, i -> new Level());
      int bits = rootBits();
      nodes = new long[Math.multiplyExact(countNodes(bits), NODE)];
      int[] answers = new int[1 << bits];
      Arrays.fill(answers, NONE);
      for (int prefix = 0; prefix < count; prefix++) {
        if (lengths[prefix] <= bits) {
          spread(prefix, rootSlot(prefix, bits), bits, answers);
        }
      }
      int[] roots = new int[1 << bits];
      int next = 0;
      for (int slot = 0; slot < roots.length; slot++) {
        // Prefixes that end here are sorted before those that continue below.
        while (next < count && lengths[next] <= bits && rootSlot(next, bits) == slot) {
          next++;
        }
        int from = next;
        while (next < count && rootSlot(next, bits) == slot) {
          next++;
        }
        if (from == next) {
          roots[slot] = leaf(answers[slot]);
        } else {
          int node = nodeCount++;
          roots[slot] = node * NODE;
          pack(node, from, next, bits, answers[slot]);
        }
      }
      return new PrefixTrie(roots, bits, nodes, Arrays.copyOf(runs, runCount));
    }

    /**
     * Counts the nodes in advance, so that their array, by far the largest, is allocated once. A
     * prefix has one node at each depth before its length. It shares the nodes of its common first
     * bits with its predecessor.
     */
    private int countNodes(int rootBits) {
      int nodes = 0;
      for (int prefix = 0; prefix < count; prefix++) {
        int shared =
            prefix == 0 ? -1 : Math.min(commonBits(prefix - 1, prefix), lengths[prefix - 1] - 1);
        for (int depth = rootBits; depth < lengths[prefix]; depth += STEP) {
          if (depth > shared) {
            nodes++;
          }
        }
      }
      return nodes;
    }

    private int commonBits(int left, int right) {
      long high = highs[left] ^ highs[right];
      return high != 0
          ? Long.numberOfLeadingZeros(high)
          : Long.SIZE + Long.numberOfLeadingZeros(lows[left] ^ lows[right]);
    }

    private int rootSlot(int prefix, int bits) {
      return (int) (highs[prefix] >>> (Long.SIZE - bits));
    }

    /**
     * The number of bits of the first step: at least six, so that steps of six from there end at
     * the most common length.
     */
    private int rootBits() {
      int[] counts = new int[MAX_BITS + 1];
      int common = 0;
      for (int i = 0; i < count; i++) {
        if (++counts[lengths[i]] > counts[common]) {
          common = lengths[i];
        }
      }
      return common % STEP + (count > MANY ? 2 * STEP : STEP);
    }

    /**
     * Packs the prefixes from {@code from} to before {@code to}, which agree in their first {@code
     * depth} bits and are longer, into {@code node}; {@code inherited} is the answer of the longest
     * shorter prefix.
     */
    private void pack(int node, int from, int to, int depth, int inherited) {
      Level level = levels[depth / STEP];
      Arrays.fill(level.answers, inherited);
      long childBits = 0;
      boolean plain = true;
      for (int prefix = from; prefix < to; prefix++) {
        int slot = slot(prefix, depth);
        if (lengths[prefix] <= depth + STEP) {
          spread(prefix, slot, depth + STEP, level.answers);
          plain = false;
        } else {
          if ((childBits >>> slot & 1) == 0) {
            childBits |= 1L << slot;
            level.starts[slot] = prefix;
          }
          level.ends[slot] = prefix + 1;
        }
      }
      int firstRun = runCount;
      long runBits = plain ? packRun(inherited, childBits) : packRuns(level.answers, childBits);
      int child = putNode(node, childBits, runBits, firstRun);
      for (long rest = childBits; rest != 0; rest &= rest - 1) {
        int slot = Long.numberOfTrailingZeros(rest);
        pack(child++, level.starts[slot], level.ends[slot], depth + STEP, level.answers[slot]);
      }
    }

    /** Writes a prefix's answer into its slots. Prefixes that cover it were written before. */
    private void spread(int prefix, int first, int depth, int[] answers) {
      Arrays.fill(answers, first, first + (1 << (depth - lengths[prefix])), ids[prefix]);
    }

    /** Writes a node and makes room for its children; returns the first. */
    private int putNode(int node, long childBits, long runBits, int firstRun) {
      int firstChild = nodeCount;
      nodeCount += Long.bitCount(childBits);
      nodes[node * NODE] = childBits;
      nodes[node * NODE + 1] = runBits;
      nodes[node * NODE + 2] = (long) firstChild << 32 | firstRun;
      return firstChild;
    }

    /** Packs a node that has one answer for all slots without a child, as most IPv6 nodes have. */
    private long packRun(int answer, long childBits) {
      runs = grown(runs, runCount + 1);
      runs[runCount++] = answer;
      return Long.lowestOneBit(~childBits);
    }

    /** Appends the answers of the slots without a child, each run once, and marks the starts. */
    private long packRuns(int[] answers, long childBits) {
      runs = grown(runs, runCount + SLOTS);
      long runBits = 0;
      for (int slot = 0; slot < SLOTS; slot++) {
        boolean isChild = (childBits >>> slot & 1) != 0;
        if (!isChild && (runBits == 0 || runs[runCount - 1] != answers[slot])) {
          runs[runCount++] = answers[slot];
          runBits |= 1L << slot;
        }
      }
      return runBits;
    }

    /** The six bits of the prefix from bit {@code depth} on; zeros follow its last. */
    private int slot(int prefix, int depth) {
      long bits = depth < Long.SIZE ? highs[prefix] << depth : lows[prefix] << depth;
      if (depth > Long.SIZE - STEP && depth < Long.SIZE) {
        bits |= lows[prefix] >>> (Long.SIZE - depth);
      }
      return (int) (bits >>> (Long.SIZE - STEP));
    }

    private static long[] grown(long[] array, int length) {
      return length <= array.length
          ? array
          : Arrays.copyOf(array, Math.max(length, array.length * 2));
    }

    private static int[] grown(int[] array, int length) {
      return length <= array.length
          ? array
          : Arrays.copyOf(array, Math.max(length, array.length * 2));
    }
  }
}
