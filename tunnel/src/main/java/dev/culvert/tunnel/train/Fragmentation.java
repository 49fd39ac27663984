package dev.culvert.tunnel.train;

/** What may become of datagrams that are larger than the path takes. */
public enum Fragmentation {
  /** As the kernel does by itself: DF where it fits, else in fragments. */
  BY_KERNEL,
  /** Never fragmented: DF is set on whatever is sent (RFC 4301 section 8.1: copied from inside). */
  FORBIDDEN,
  /** DF is never set: routers on the way may fragment. */
  ALLOWED
}
