// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.IdentityHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Longest-prefix look-up over IPv4 and IPv6 ranges. Immutable: a change builds a new table and
 * swaps one reference, so readers take no lock and never see half an update. A look-up allocates
 * nothing, and its time grows with the length of the prefixes, not with their number.
 *
 * @param <V> the type of the prefixes' values
 */
public final class PrefixTable<V> {
  private static final PrefixTable<Object> EMPTY = new PrefixTable<>(new Builder<>());

  private final int size;

  /** Each value once: few owners have many prefixes, so the values stay in the cache. */
  private final Object[] values;

  private final PrefixTrie v4;
  private final PrefixTrie v6;

  private PrefixTable(Builder<V> builder) {
    size = builder.size;
    values = new Object[builder.ids.size()];
    builder.ids.forEach((value, id) -> values[id] = value);
    v4 = builder.v4.build();
    v6 = builder.v6.build();
  }

  /** Collects the prefixes of one table, without building a map of them. */
  public static final class Builder<V> {
    private final PrefixTrie.Builder v4 = new PrefixTrie.Builder();
    private final PrefixTrie.Builder v6 = new PrefixTrie.Builder();
    private final IdentityHashMap<Object, Integer> ids = new IdentityHashMap<>();
    private int size;

    private Builder() {}

    /** Adds a prefix; each may be added once. Building is fastest if they are added in order. */
    public void add(Prefix prefix, V value) {
      IpAddress address = prefix.address();
      Integer known = ids.get(value);
      int id = known == null ? ids.size() : known;
      if (known == null) {
        ids.put(value, id);
      }
      if (address.v4()) {
        v4.add(address.low() << 32, 0, prefix.length(), id);
      } else {
        v6.add(address.high(), address.low(), prefix.length(), id);
      }
      size++;
    }

    public PrefixTable<V> build() {
      return size == 0 ? empty() : new PrefixTable<>(this);
    }
  }

  /** An empty table. */
  @SuppressWarnings("unchecked") // An empty table has no values, so its type cannot be wrong.
  public static <V> PrefixTable<V> empty() {
    return (PrefixTable<V>) EMPTY;
  }

  public static <V> Builder<V> builder() {
    return new Builder<>();
  }

  /** A table with a copy of {@code prefixes}. */
  public static <V> PrefixTable<V> of(Map<Prefix, V> prefixes) {
    Builder<V> builder = builder();
    prefixes.forEach(builder::add);
    return builder.build();
  }

  /**
   * The size in bytes of the memory that look-ups read: the tries, and the references to the
   * values.
   */
  public long bytes() {
    return v4.bytes() + v6.bytes() + 4L * values.length;
  }

  /** The number of prefixes in this table. */
  public int size() {
    return size;
  }

  /** The value of the longest prefix that holds {@code address} (32 bits), or null. */
  public @Nullable V lookup4(int address) {
    return value(v4.find((long) address << 32, 0));
  }

  /**
   * The value of the longest prefix that holds the IPv6 address of these 128 bits, or null.
   * IPv4-mapped addresses count as IPv6 addresses here, as they are on the wire.
   */
  public @Nullable V lookup6(long high, long low) {
    return value(v6.find(high, low));
  }

  /** The value of the longest prefix that holds {@code address}, or null. */
  public @Nullable V lookup(IpAddress address) {
    return address.v4() ? lookup4((int) address.low()) : lookup6(address.high(), address.low());
  }

  @SuppressWarnings("unchecked") // Only values of V went in.
  private @Nullable V value(int id) {
    return id == PrefixTrie.NONE ? null : (V) values[id];
  }
}
