package dev.culvert.tunnel.engine;

/**
 * Who sent a datagram, and where it came in. Anybody can forge that, at any rate: so the immutable
 * value is only made once somebody authenticated the datagram, or keeps it.
 */
public interface DatagramSource {
  /** Whether the address is IPv4. */
  boolean v4();

  /** As {@link dev.culvert.routing.IpAddress#high}. */
  long high();

  /** As {@link dev.culvert.routing.IpAddress#low}. */
  long low();

  /** Index of the interface that the datagram came to, or 0. */
  int sourceInterface();

  /** The value. Any thread that works on the datagram. */
  Endpoint endpoint();
}
