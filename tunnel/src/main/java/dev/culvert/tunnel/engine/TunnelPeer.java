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

  /** Lets the kernel choose the source anew: the one in use may be what keeps us from an answer. */
  void forgetSource();

  /**
   * The endpoint whose source has to be asked about when it is new or when routes changed: the one
   * in use, or the one last heard if its source is not used. Null if there is none.
   */
  @Nullable Endpoint heardSource();

  /**
   * The answer: whether packets with the source of {@code heard} leave by the interface that it was
   * heard on. If not, the kernel chooses, and hearing the same again does not bring it back.
   */
  void sourceFits(Endpoint heard, boolean fits);
}
