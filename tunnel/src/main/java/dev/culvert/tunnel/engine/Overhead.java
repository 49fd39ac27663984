// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

/** The bytes that an engine adds to an inner packet. */
public interface Overhead {
  /** No overhead, for packets that are not sealed. */
  Overhead NONE =
      new Overhead() {
        @Override
        public int headroom() {
          return 0;
        }

        @Override
        public int sealedLength(int innerLength, int mtu) {
          return innerLength;
        }

        @Override
        public int longestInner(int room) {
          return room;
        }
      };

  /** Bytes in front of the inner packet. */
  int headroom();

  /**
   * Bytes on the wire (UDP payload) of an inner packet of {@code innerLength} bytes, padding,
   * headers and tag included; {@code mtu} is the tunnel's MTU in bytes.
   */
  int sealedLength(int innerLength, int mtu);

  /** Bytes of the longest inner packet that has at most {@code room} bytes on the wire. */
  int longestInner(int room);

  /**
   * Whether the outer header shows the inner one's DSCP and DF bit (RFC 4301 section 5.1.2), not
   * only its ECN field.
   */
  default boolean copiesTos() {
    return false;
  }
}
