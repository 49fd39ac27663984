// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The prefix table finds the longest prefix in both families, as a linear search and WireGuard's
 * allowed IPs do.
 */
class PrefixTableTest {
  @Test
  void emptyTableKnowsNoAddress() {
    PrefixTable<String> table = PrefixTable.of(Map.of());
    assertSame(PrefixTable.empty(), table);
    assertNull(table.lookup(IpAddress.parse("10.0.0.1")));
    assertNull(table.lookup(IpAddress.parse("::")));
    assertEquals(0, table.size());
  }

  @Test
  void longestPrefixWinsAtEveryLength() {
    Map<Prefix, Integer> prefixes = new HashMap<>();
    for (int length = 0; length <= 32; length++) {
      prefixes.put(new Prefix(IpAddress.parse("170.170.170.170"), length), length);
    }
    for (int length = 0; length <= 128; length++) {
      prefixes.put(new Prefix(IpAddress.parse("a5a5::5a5a"), length), 1000 + length);
    }
    PrefixTable<Integer> table = PrefixTable.of(prefixes);
    int v4 = 0xaaaaaaaa;
    assertEquals(32, table.lookup4(v4));
    for (int bit = 0; bit < 32; bit++) {
      assertEquals(bit, table.lookup4(v4 ^ (Integer.MIN_VALUE >>> bit)));
    }
    IpAddress v6 = IpAddress.parse("a5a5::5a5a");
    assertEquals(1128, table.lookup(v6));
    for (int bit = 0; bit < 128; bit++) {
      assertEquals(1000 + bit, table.lookup(flip(v6, bit)));
    }
  }

  @Test
  void familiesAreApart() {
    PrefixTable<String> table = PrefixTable.of(Map.of(Prefix.parse("0.0.0.0/0"), "four"));
    assertEquals("four", table.lookup4(-1));
    assertNull(table.lookup6(0, 0));
    assertNull(table.lookup6(-1, -1));
  }

  @Test
  void adjacentRangesEndWhereTheNextBegins() {
    PrefixTable<String> table =
        PrefixTable.of(
            Map.of(
                Prefix.parse("10.0.0.0/25"), "low",
                Prefix.parse("10.0.0.128/25"), "high",
                Prefix.parse("10.0.1.0/32"), "host"));
    assertNull(table.lookup(IpAddress.parse("9.255.255.255")));
    assertEquals("low", table.lookup(IpAddress.parse("10.0.0.0")));
    assertEquals("low", table.lookup(IpAddress.parse("10.0.0.127")));
    assertEquals("high", table.lookup(IpAddress.parse("10.0.0.128")));
    assertEquals("high", table.lookup(IpAddress.parse("10.0.0.255")));
    assertEquals("host", table.lookup(IpAddress.parse("10.0.1.0")));
    assertNull(table.lookup(IpAddress.parse("10.0.1.1")));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void agreesWithALinearSearch(int seed) {
    assertAgreesWithALinearSearch(seed, Integer.MAX_VALUE);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void agreesWithALinearSearchWhereFewOwnersHaveManyPrefixes(int seed) {
    assertAgreesWithALinearSearch(seed, 3);
  }

  private static void assertAgreesWithALinearSearch(int seed, int owners) {
    Random random = new Random(seed);
    Map<Prefix, Integer> prefixes = new HashMap<>();
    List<Prefix> added = new ArrayList<>();
    for (int i = 0; i < 30 * seed; i++) {
      // Half of them nest in, or lie beside, one that is there already.
      Prefix near = added.isEmpty() ? null : added.get(random.nextInt(added.size()));
      Prefix prefix = randomPrefix(random, random.nextBoolean() ? near : null);
      added.add(prefix);
      prefixes.put(prefix, i % owners);
    }
    PrefixTable<Integer> table = PrefixTable.of(prefixes);
    assertEquals(prefixes.size(), table.size());
    for (int i = 0; i < 5000; i++) {
      IpAddress address = randomPrefix(random, added.get(random.nextInt(added.size()))).address();
      assertEquals(linearSearch(prefixes, address), table.lookup(address), address::toString);
    }
    for (Prefix prefix : added) {
      IpAddress first = prefix.address();
      assertEquals(linearSearch(prefixes, first), table.lookup(first), first::toString);
    }
  }

  @Test
  void holdsAHundredThousandPrefixes() {
    Map<Prefix, Integer> prefixes = new HashMap<>();
    for (int i = 0; i < 50_000; i++) {
      prefixes.put(new Prefix(IpAddress.ofV4(0x0a000000 + (i << 8)), 24), i);
      prefixes.put(new Prefix(IpAddress.ofV6(0xfd00_0000_0000_0000L + i, 0), 64), i);
    }
    PrefixTable<Integer> table = PrefixTable.of(prefixes);
    assertEquals(100_000, table.size());
    for (int i = 0; i < 50_000; i++) {
      assertEquals(i, table.lookup4(0x0a000000 + (i << 8) + (i & 255)));
      assertEquals(i, table.lookup6(0xfd00_0000_0000_0000L + i, i));
    }
    assertNull(table.lookup4(0x0a000000 + (50_000 << 8)));
    assertNull(table.lookup6(0xfd00_0000_0000_0000L + 50_000, 0));
  }

  @Test
  void answersAsWireGuardsAllowedIpsDo() throws IOException {
    int lookups = 0;
    for (JsonNode test : vectors("wireguard/allowedips.json").required("cases")) {
      Map<Prefix, String> prefixes = new HashMap<>();
      for (JsonNode op : test.get("ops")) {
        lookups += run(op, prefixes, test.get("name").asText());
      }
    }
    assertEquals(45, lookups);
  }

  /** The content of {@code vectors/name}; a file that is missing fails the test. */
  private static JsonNode vectors(String name) throws IOException {
    String resource = "/vectors/" + name;
    try (InputStream in = PrefixTableTest.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new FileNotFoundException("no resource " + resource);
      }
      return new ObjectMapper().readTree(in);
    }
  }

  /** Runs one operation of the vectors; returns how many look-ups it was. */
  private static int run(JsonNode op, Map<Prefix, String> prefixes, String test) {
    String name = op.get("op").asText();
    String peer = op.path("peer").asText();
    switch (name) {
      case "insert" -> prefixes.put(prefix(op), peer);
      case "remove" -> prefixes.remove(prefix(op), peer);
      case "remove_by_peer" -> prefixes.values().removeIf(peer::equals);
      case "table_is_empty" -> assertTrue(prefixes.isEmpty(), test);
      case "lookup_is", "lookup_is_not" -> {
        String found = PrefixTable.of(prefixes).lookup(IpAddress.parse(op.get("ip").asText()));
        assertEquals(name.equals("lookup_is"), peer.equals(found), () -> test + ": " + op);
        return 1;
      }
      default -> throw new IllegalArgumentException(name);
    }
    return 0;
  }

  private static Prefix prefix(JsonNode op) {
    return new Prefix(IpAddress.parse(op.get("ip").asText()), op.get("cidr").asInt());
  }

  private static @Nullable Integer linearSearch(Map<Prefix, Integer> prefixes, IpAddress address) {
    return prefixes.entrySet().stream()
        .filter(entry -> entry.getKey().contains(address))
        .max((a, b) -> Integer.compare(a.getKey().length(), b.getKey().length()))
        .map(Map.Entry::getValue)
        .orElse(null);
  }

  /** Any prefix, or one whose first bits are those of {@code near}. */
  private static Prefix randomPrefix(Random random, @Nullable Prefix near) {
    boolean v4 = near == null ? random.nextBoolean() : near.address().v4();
    IpAddress address =
        v4
            ? IpAddress.ofV4(random.nextInt())
            : IpAddress.ofV6(random.nextLong(), random.nextLong());
    int bits = address.bitLength();
    if (near != null) {
      int kept = random.nextInt(bits + 1);
      for (int bit = 0; bit < kept; bit++) {
        if (bit(address, bit) != bit(near.address(), bit)) {
          address = flip(address, bit);
        }
      }
    }
    int length = random.nextInt(8) == 0 ? (random.nextBoolean() ? 0 : bits) : random.nextInt(bits);
    return near != null && random.nextBoolean()
        ? Prefix.host(address)
        : new Prefix(address, length);
  }

  private static boolean bit(IpAddress address, int bit) {
    return (address.toBytes()[bit / 8] >>> (7 - bit % 8) & 1) != 0;
  }

  private static IpAddress flip(IpAddress address, int bit) {
    byte[] bytes = address.toBytes();
    bytes[bit / 8] ^= (byte) (0x80 >>> bit % 8);
    return IpAddress.ofBytes(bytes);
  }
}
