// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import org.jspecify.annotations.Nullable;

/** The other end of a tunnel, for use by lanes. Thread-safe. */
public interface TunnelPeer {
  /**
   * The part of this peer for which packets to the inner IPv4 destination are sealed, or null if it
   * has parts but none for that destination.
   */
  default @Nullable TunnelPeer towards4(int destination) {
    return this;
  }

  /**
   * The part of this peer for which packets to the inner IPv6 destination are sealed, or null if it
   * has parts but none for that destination.
   */
  default @Nullable TunnelPeer towards6(long high, long low) {
    return this;
  }

  /** The current endpoint, or null while unknown. */
  @Nullable Endpoint endpoint();

  /**
   * The kernel refused the source of {@code refused} (EINVAL, ENETUNREACH, EADDRNOTAVAIL): forgets
   * it if that endpoint is still in use.
   */
  void forgetSource(Endpoint refused);

  /**
   * Lets the kernel choose the source anew, since the one in use may be the reason for missing
   * answers.
   */
  void forgetSource();

  /**
   * The endpoint whose source has to be checked if it is new or if routes changed: the one in use,
   * or the one last heard if its source is not used. Null if there is none.
   */
  @Nullable Endpoint heardSource();

  /**
   * The result of the check: whether packets with the source of {@code heard} leave by the
   * interface on which the peer's packets arrived. If not, the kernel chooses the source, and the
   * same source is not used again when further packets arrive at it.
   */
  void sourceFits(Endpoint heard, boolean fits);
}
