package dev.culvert.tunnel.esp.global;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Pinned;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** What authenticates one kind of message of one pair. Lanes pin it while they use it. */
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

  /** Each end with its length in front, so that no two pairs are the same bytes. */
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

  /** Only while pinned. */
  byte[] secret() {
    return secret;
  }

  /** Sender and receiver of what this end says. */
  byte[] outward() {
    return outward;
  }

  /** Sender and receiver of what the peer says. */
  byte[] inward() {
    return inward;
  }

  @Override
  protected void wipe() {
    Arrays.fill(secret, (byte) 0);
  }
}
