// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import org.jspecify.annotations.Nullable;

/**
 * Endpoints by the raw words of the socket address and packet info they came in, so that a known
 * peer's datagrams allocate nothing. Direct-mapped: an attacker can displace entries but not choose
 * which, and cannot grow the table. Thread-safe: a race loses an entry at worst, and endpoints are
 * immutable.
 */
final class EndpointCache {
  private static final int ENTRIES = 256;
  private static final long MAPPED_PREFIX = 0xffff;
  private static final int LINK_LOCAL = 0xfe80 >>> 6;

  private final @Nullable Endpoint[] values = new @Nullable Endpoint[ENTRIES];
  private final long seed;

  /**
   * @param seed unpredictable, else attackers could choose addresses that displace a peer's
   */
  EndpointCache(long seed) {
    this.seed = seed;
  }

  /** Whether an IPv6 address is IPv4-mapped; only forged packets have such a source. */
  static boolean mapsV4(long high, long low) {
    return high == 0 && low >>> 32 == MAPPED_PREFIX;
  }

  /**
   * The endpoint that sent a datagram. IPv4 addresses stand in the low words.
   *
   * @param port 1 to 65535
   * @param sourceInterface index of the interface that the datagram came to, or 0 if the kernel did
   *     not tell; then there is no source either
   */
  Endpoint get(
      IpFamily family,
      long high,
      long low,
      int port,
      int scope,
      long sourceHigh,
      long sourceLow,
      int sourceInterface) {
    int zone = family == IpFamily.V6 && high >>> 54 == LINK_LOCAL ? scope : 0;
    long where = (long) zone << 32 | (long) port << 1 | (family == IpFamily.V4 ? 1 : 0);
    int entry = slot(high, low, where, sourceLow ^ sourceInterface);
    Endpoint known = values[entry];
    if (known != null
        && known.low() == low
        && known.high() == high
        && known.v4() == (family == IpFamily.V4)
        && known.port() == port
        && known.scope() == zone
        && known.sourceInterface() == sourceInterface
        && isSource(known.source(), sourceHigh, sourceLow)) {
      return known;
    }
    IpAddress source = sourceInterface == 0 ? null : address(family, sourceHigh, sourceLow);
    Endpoint made = new Endpoint(address(family, high, low), port, zone, source, sourceInterface);
    values[entry] = made;
    return made;
  }

  private static boolean isSource(@Nullable IpAddress source, long high, long low) {
    return source == null || (source.high() == high && source.low() == low);
  }

  private static IpAddress address(IpFamily family, long high, long low) {
    return family == IpFamily.V4 ? IpAddress.ofV4((int) low) : IpAddress.ofV6(high, low);
  }

  /** Mixes the seed in before combining words, so that nobody can construct collisions. */
  private int slot(long high, long low, long where, long source) {
    long mixed = mix(mix(mix(mix(seed ^ high) ^ low) ^ where) ^ source);
    return (int) (mixed >>> 56);
  }

  private static long mix(long bits) {
    long mixed = (bits ^ bits >>> 32) * 0x9e37_79b9_7f4a_7c15L;
    return (mixed ^ mixed >>> 29) * 0xbf58_476d_1ce4_e5b9L;
  }
}
