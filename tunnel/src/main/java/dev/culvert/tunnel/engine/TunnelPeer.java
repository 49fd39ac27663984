package dev.culvert.tunnel.engine;

import org.jspecify.annotations.Nullable;

/** The other end of a tunnel, as a lane sees it. Safe to use from any thread. */
public interface TunnelPeer {
  /** Where to send to now, or null while unknown. */
  @Nullable Endpoint endpoint();

  /**
   * The kernel refused the source of {@code refused} (EINVAL, ENETUNREACH, EADDRNOTAVAIL): forget
   * it, if that endpoint is still the one in use.
   */
  void forgetSource(Endpoint refused);
}
