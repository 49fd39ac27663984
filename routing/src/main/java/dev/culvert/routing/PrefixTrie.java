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
  private static final int MAX_BITS = 128;

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

  /** What is known of the slots of the node that is being packed at one depth. */
  private static final class Level {
    final int[] answers = new int[SLOTS];

    /** Bits of the prefix that an answer comes from, 0 where it is inherited. */
    final int[] answerLengths = new int[SLOTS];

    /** Where the prefixes that lead on from a slot begin and end in the order. */
    final int[] starts = new int[SLOTS];

    final int[] ends = new int[SLOTS];
  }

  /** Collects prefixes and packs them. Good for one trie. */
  static final class Builder {
    private long[] highs = new long[4];
    private long[] lows = new long[4];
    private int[] lengths = new int[4];
    private int[] ids = new int[4];
    private int count;

    /** Prefixes by index, sorted into slots at each level; {@code scratch} is where they go. */
    private int[] order = {};

    private int[] scratch = {};
    private final Level[] levels = new Level[MAX_BITS / STEP + 1];
    private long[] nodes = new long[NODE];
    private int nodeCount = 1;
    private int[] runs = new int[16];
    private int runCount;

    /** Adds a prefix of a left-aligned key, its host bits zero; each at most once. */
    void add(long high, long low, int length, int id) {
      highs = grown(highs, count + 1);
      lows = grown(lows, count + 1);
      lengths = grown(lengths, count + 1);
      ids = grown(ids, count + 1);
      highs[count] = high;
      lows[count] = low;
      lengths[count] = length;
      ids[count++] = id;
    }

    PrefixTrie build() {
      order = new int[count];
      scratch = new int[count];
      Arrays.setAll(order, i -> i);
      Arrays.setAll(levels, i -> new Level());
      pack(0, 0, count, 0, NONE);
      return new PrefixTrie(Arrays.copyOf(nodes, nodeCount * NODE), Arrays.copyOf(runs, runCount));
    }

    /**
     * Packs the prefixes {@code order[from, to)}, which agree in their first {@code depth} bits,
     * into {@code node}; {@code inherited} is the answer of the longest shorter prefix.
     */
    private void pack(int node, int from, int to, int depth, int inherited) {
      if (to - from == 1 && lengths[order[from]] > depth + STEP) {
        packPath(node, from, depth, inherited);
        return;
      }
      Level level = levels[depth / STEP];
      int[] answers = level.answers;
      int[] starts = level.starts;
      int[] ends = level.ends;
      Arrays.fill(answers, inherited);
      Arrays.fill(level.answerLengths, 0);
      Arrays.fill(ends, 0);
      // Those that end here spread over their slots; the others are counted into theirs.
      for (int i = from; i < to; i++) {
        int prefix = order[i];
        if (lengths[prefix] <= depth + STEP) {
          spread(prefix, slot(prefix, depth), depth, level);
        } else {
          ends[slot(prefix, depth)]++;
        }
      }
      sortIntoSlots(from, to, depth, level);
      long childBits = 0;
      for (int slot = 0; slot < SLOTS; slot++) {
        childBits |= starts[slot] < ends[slot] ? 1L << slot : 0;
      }
      int firstRun = runCount;
      int child = putNode(node, childBits, packRuns(answers, childBits), firstRun);
      for (int slot = 0; slot < SLOTS; slot++) {
        if (starts[slot] < ends[slot]) {
          pack(child++, starts[slot], ends[slot], depth + STEP, answers[slot]);
        }
      }
    }

    /** A node that only leads on to the longer prefix {@code order[at]}, as most do in IPv6. */
    private void packPath(int node, int at, int depth, int inherited) {
      long childBits = 1L << slot(order[at], depth);
      int firstRun = runCount;
      runs = grown(runs, runCount + 1);
      runs[runCount++] = inherited;
      int child = putNode(node, childBits, Long.lowestOneBit(~childBits), firstRun);
      pack(child, at, at + 1, depth + STEP, inherited);
    }

    /** Writes a node and makes room for its children; returns the first. */
    private int putNode(int node, long childBits, long runBits, int firstRun) {
      int firstChild = nodeCount;
      nodeCount += Long.bitCount(childBits);
      nodes = grown(nodes, nodeCount * NODE);
      nodes[node * NODE] = childBits;
      nodes[node * NODE + 1] = runBits;
      nodes[node * NODE + 2] = (long) firstChild << 32 | firstRun;
      return firstChild;
    }

    private void spread(int prefix, int first, int depth, Level level) {
      int last = first + (1 << (depth + STEP - lengths[prefix]));
      for (int slot = first; slot < last; slot++) {
        if (lengths[prefix] >= level.answerLengths[slot]) {
          level.answers[slot] = ids[prefix];
          level.answerLengths[slot] = lengths[prefix];
        }
      }
    }

    /**
     * Sorts the longer prefixes of {@code order[from, to)} to its front by slot. Finds their counts
     * in the level's ends, and leaves the slots' starts and ends.
     */
    private void sortIntoSlots(int from, int to, int depth, Level level) {
      int[] starts = level.starts;
      int[] ends = level.ends;
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
