// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Pinned;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** The key that authenticates one kind of message of one pair. Lanes pin it while they use it. */
final class MacKey extends Pinned {
  static final int LENGTH = 32;

  private final byte[] secret;
  private final byte[] outward;
  private final byte[] inward;

  /**
   * @param key taken over and closed
   */
  MacKey(SecretBytes key, IpAddress local, IpAddress remote) {
    try (key) {
      secret = key.toByteArray();
    }
    outward = ends(local, remote);
    inward = ends(remote, local);
  }

  /** Both addresses, each with a length prefix, so that two pairs never have the same bytes. */
  private static byte[] ends(IpAddress sender, IpAddress receiver) {
    byte[] from = sender.toBytes();
    byte[] to = receiver.toBytes();
    return ByteBuffer.allocate(2 + from.length + to.length)
        .put((byte) from.length)
        .put(from)
        .put((byte) to.length)
        .put(to)
        .array();
  }

  /** The key's bytes; only while pinned. */
  byte[] secret() {
    return secret;
  }

  /** Sender and receiver of this end's messages. */
  byte[] outward() {
    return outward;
  }

  /** Sender and receiver of the peer's messages. */
  byte[] inward() {
    return inward;
  }

  @Override
  protected void wipe() {
    Arrays.fill(secret, (byte) 0);
  }
}
