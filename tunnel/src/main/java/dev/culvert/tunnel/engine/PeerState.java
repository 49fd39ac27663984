// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.Locale;

/** The state of a peer, for people and for metrics. */
public enum PeerState {
  /** There are keys under which packets are sent. */
  ESTABLISHED,
  /** There were keys; they ended, and no packet has waited for others in the last minute. */
  IDLE,
  /** Packets waited for keys in the last minute, and the peer has not answered for a while. */
  STALE,
  /** The first messages of a handshake are under way. */
  HANDSHAKING,
  /** There are no keys, and no address at which to ask for some. */
  NO_ENDPOINT,
  /** There never were keys since the peer was added, and no packet waits for some. */
  NEVER;

  private final String label = name().toLowerCase(Locale.ROOT);

  /** The state's name, as in {@code no_endpoint}. */
  public String label() {
    return label;
  }
}
