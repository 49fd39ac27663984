package dev.culvert.tunnel.port;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import org.jspecify.annotations.Nullable;

/**
 * Endpoints by the raw words of the socket address and packet info they came in, so that a known
 * peer's datagrams allocate nothing. Direct-mapped: a stranger can displace an entry, never grow
 * the table.
 */
final class EndpointCache {
  private static final int ENTRIES = 256;
  private static final int WORDS = 6;

  private final long[] keys = new long[ENTRIES * WORDS];
  private final @Nullable Endpoint[] values = new @Nullable Endpoint[ENTRIES];

  /**
   * The endpoint that sent a datagram. IPv4 addresses stand in the low words.
   *
   * @param sourceInterface interface that the datagram came to, 0 where the kernel did not say:
   *     then there is no source either
   * @return null where nothing can be sent back: port 0, or an IPv6 address that maps IPv4
   */
  @Nullable Endpoint get(
      IpFamily family,
      long high,
      long low,
      int port,
      int scope,
      long sourceHigh,
      long sourceLow,
      int sourceInterface) {
    long where = (long) scope << 32 | (long) port << 1 | (family == IpFamily.V4 ? 1 : 0);
    int entry = slot(high, low, where, sourceLow ^ sourceInterface);
    int key = entry * WORDS;
    Endpoint known = values[entry];
    if (known != null
        && keys[key] == high
        && keys[key + 1] == low
        && keys[key + 2] == where
        && keys[key + 3] == sourceHigh
        && keys[key + 4] == sourceLow
        && keys[key + 5] == sourceInterface) {
      return known;
    }
    IpAddress address = address(family, high, low);
    if (port == 0 || IpFamily.of(address) != family) {
      return null;
    }
    IpAddress source = sourceInterface == 0 ? null : address(family, sourceHigh, sourceLow);
    Endpoint made =
        new Endpoint(address, port, address.isLinkLocalV6() ? scope : 0, source, sourceInterface);
    keys[key] = high;
    keys[key + 1] = low;
    keys[key + 2] = where;
    keys[key + 3] = sourceHigh;
    keys[key + 4] = sourceLow;
    keys[key + 5] = sourceInterface;
    values[entry] = made;
    return made;
  }

  private static IpAddress address(IpFamily family, long high, long low) {
    return family == IpFamily.V4 ? IpAddress.ofV4((int) low) : IpAddress.ofV6(high, low);
  }

  private static int slot(long high, long low, long where, long source) {
    long mixed = (high * 31 + low) * 31 + where * 0x9e37_79b9_7f4a_7c15L + source;
    mixed *= 0xbf58_476d_1ce4_e5b9L;
    return (int) (mixed >>> 56);
  }
}
