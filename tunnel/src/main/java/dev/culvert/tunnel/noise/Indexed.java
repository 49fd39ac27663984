// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

/** An object that a receiver index on the wire may name: an initiation of ours, or a session. */
public interface Indexed {
  int localIndex();

  HandshakePeer handshakePeer();
}
