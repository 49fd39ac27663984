// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.train;

/** The handling of datagrams that are larger than the path's MTU. */
public enum Fragmentation {
  /** The kernel's default: DF if the datagram fits, else fragments. */
  BY_KERNEL,
  /**
   * Never fragmented: DF is set on all datagrams (RFC 4301 section 8.1: copied from the inner
   * packet).
   */
  FORBIDDEN,
  /** DF is never set: routers on the way may fragment. */
  ALLOWED
}
