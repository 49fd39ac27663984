// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

/**
 * Seals and opens trains in place. Holds scratch memory, so it belongs to one thread at a time;
 * keys are shared. Allocates nothing of its own per packet (a backend over javax.crypto allocates
 * as much as the provider).
 *
 * <p>Both methods throw {@link IllegalStateException} if the key is closed, even if another thread
 * closes it in the middle of the run; the caller must then discard the whole run.
 */
public interface TrainCipher {
  /** Bytes of the tag that sealing puts behind each packet. */
  int TAG_LENGTH = 16;

  /**
   * Enciphers every packet of the run in place and puts its tag behind it.
   *
   * <p>No counter may be sealed twice under one key. A backend that notices a second use throws
   * {@link IllegalStateException}, but the caller must not count on it: a backend notices at most
   * that a packet has the nonce of the one sealed just before, and a part of the run may be sealed
   * by then.
   */
  void seal(AeadKey key, PacketRun run);

  /**
   * Authenticates and deciphers every packet of the run in place.
   *
   * @return one bit per packet, bit 0 for packet 0, set if the tag was right; the bytes of the
   *     other packets are undefined and must not be used.
   */
  long open(AeadKey key, PacketRun run);

  /**
   * Overwrites the traces of the last keys in scratch memory. Closing a key cannot wipe the values
   * that a cipher on another thread derived from it, so a cipher's owner calls this when it falls
   * idle after keys were closed.
   */
  void forgetKeys();
}
