// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

/** The ends of handshakes that {@link DropReason} does not count. */
public enum HandshakeOutcome {
  /** The peer answered an initiation of ours, and keys were agreed on. */
  INITIATED,
  /** The peer confirmed the keys of an initiation that we answered. */
  ANSWERED,
  /** The peer did not answer our initiations for the whole attempt time. */
  ABANDONED
}
