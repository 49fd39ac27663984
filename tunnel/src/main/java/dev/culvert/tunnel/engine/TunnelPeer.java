package dev.culvert.tunnel.engine;

import org.jspecify.annotations.Nullable;

/** The other end of a tunnel, as a lane sees it. Safe to use from any thread. */
public interface TunnelPeer {
  /**
   * The part of this peer that what goes to the inner destination of 32 bits is sealed for, or null
   * where it has parts and none is for that.
   */
  default @Nullable TunnelPeer towards4(int destination) {
    return this;
  }

  /** As {@link #towards4}, for the inner destination of 128 bits. */
  default @Nullable TunnelPeer towards6(long high, long low) {
    return this;
  }

  /** Where to send to now, or null while unknown. */
  @Nullable Endpoint endpoint();

  /**
   * The kernel refused the source of {@code refused} (EINVAL, ENETUNREACH, EADDRNOTAVAIL): forget
   * it, if that endpoint is still the one in use.
   */
  void forgetSource(Endpoint refused);
}
