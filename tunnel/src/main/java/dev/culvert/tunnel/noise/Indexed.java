package dev.culvert.tunnel.noise;

/** What a receiver index on the wire may name: an initiation of ours, or a session. */
public interface Indexed {
  int localIndex();

  HandshakePeer handshakePeer();
}
