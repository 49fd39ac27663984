package dev.culvert.routing;

import java.util.Arrays;

/**
 * A trie that takes six bits of the address a step and packs each node into three longs, after
 * "Poptrie: A Compressed Trie with Population Count for Fast and Scalable Software IP Routing Table
 * Lookup" (Asai and Ohara, SIGCOMM 2015).
 *
 * <p>Of a node's 64 slots, {@code childBits} marks those that lead to a child; children lie side by
 * side, so the number of marks up to a slot finds its child. All other slots are answers; a run of
 * equal answers is kept once, and {@code runBits} marks where a run starts.
 */
final class PrefixTrie {
  /** The answer where no prefix holds the address. */
  static final int NONE = -1;

  private static final int STEP = 6;
  private static final int SLOTS = 1 << STEP;

  /**
   * Longs of a node: childBits, runBits, and the first child (upper half) and first run (lower).
   */
  private static final int NODE = 3;

  private final long[] nodes;
  private final int[] runs;

  private PrefixTrie(long[] nodes, int[] runs) {
    this.nodes = nodes;
    this.runs = runs;
  }

  /** The id of the longest prefix of the left-aligned key, or {@link #NONE}. */
  int find(long high, long low) {
    int node = 0;
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

  /** Collects prefixes and packs them. Good for one trie. */
  static final class Builder {
    private final long[] highs;
    private final long[] lows;
    private final int[] lengths;
    private final int[] ids;
    private int count;

    /** Prefixes by index, sorted into slots at each level; {@code scratch} is where they go. */
    private int[] order = {};

    private int[] scratch = {};
    private long[] nodes = new long[NODE];
    private int nodeCount = 1;
    private int[] runs = new int[16];
    private int runCount;

    Builder(int capacity) {
      highs = new long[capacity];
      lows = new long[capacity];
      lengths = new int[capacity];
      ids = new int[capacity];
    }

    /** Adds a prefix of a left-aligned key, its host bits zero; each at most once. */
    void add(long high, long low, int length, int id) {
      highs[count] = high;
      lows[count] = low;
      lengths[count] = length;
      ids[count++] = id;
    }

    PrefixTrie build() {
      order = new int[count];
      scratch = new int[count];
      Arrays.setAll(order, i -> i);
      pack(0, 0, count, 0, NONE);
      return new PrefixTrie(Arrays.copyOf(nodes, nodeCount * NODE), Arrays.copyOf(runs, runCount));
    }

    /**
     * Packs the prefixes {@code order[from, to)}, which agree in their first {@code depth} bits,
     * into {@code node}; {@code inherited} is the answer of the longest shorter prefix.
     */
    private void pack(int node, int from, int to, int depth, int inherited) {
      int[] answers = new int[SLOTS];
      Arrays.fill(answers, inherited);
      // Those that end here spread over their slots; the others are counted into theirs.
      int[] ends = new int[SLOTS];
      int[] answerLengths = new int[SLOTS];
      for (int i = from; i < to; i++) {
        int prefix = order[i];
        if (lengths[prefix] <= depth + STEP) {
          spread(prefix, slot(prefix, depth), depth, answers, answerLengths);
        } else {
          ends[slot(prefix, depth)]++;
        }
      }
      int[] starts = sortIntoSlots(from, to, depth, ends);
      long childBits = 0;
      for (int slot = 0; slot < SLOTS; slot++) {
        childBits |= starts[slot] < ends[slot] ? 1L << slot : 0;
      }
      int firstChild = nodeCount;
      nodeCount += Long.bitCount(childBits);
      nodes = grown(nodes, nodeCount * NODE);
      nodes[node * NODE] = childBits;
      nodes[node * NODE + 2] = (long) firstChild << 32 | runCount;
      nodes[node * NODE + 1] = packRuns(answers, childBits);
      int child = firstChild;
      for (int slot = 0; slot < SLOTS; slot++) {
        if (starts[slot] < ends[slot]) {
          pack(child++, starts[slot], ends[slot], depth + STEP, answers[slot]);
        }
      }
    }

    private void spread(int prefix, int first, int depth, int[] answers, int[] answerLengths) {
      int last = first + (1 << (depth + STEP - lengths[prefix]));
      for (int slot = first; slot < last; slot++) {
        if (lengths[prefix] >= answerLengths[slot]) {
          answers[slot] = ids[prefix];
          answerLengths[slot] = lengths[prefix];
        }
      }
    }

    /**
     * Sorts the longer prefixes of {@code order[from, to)} to its front by slot. Takes their counts
     * and turns them into the slots' ends; returns the slots' starts.
     */
    private int[] sortIntoSlots(int from, int to, int depth, int[] ends) {
      int[] starts = new int[SLOTS];
      int next = from;
      for (int slot = 0; slot < SLOTS; slot++) {
        starts[slot] = next;
        next += ends[slot];
        ends[slot] = starts[slot];
      }
      for (int i = from; i < to; i++) {
        int prefix = order[i];
        if (lengths[prefix] > depth + STEP) {
          scratch[ends[slot(prefix, depth)]++] = prefix;
        }
      }
      System.arraycopy(scratch, from, order, from, next - from);
      return starts;
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
