package dev.culvert.crypto;

/**
 * Seals and opens trains in place. Holds scratch memory, so it belongs to one thread at a time;
 * keys are shared. Allocates nothing of its own per packet (a backend over javax.crypto allocates
 * what the provider does).
 *
 * <p>Both methods throw {@link IllegalStateException} where the key is closed, even where another
 * thread closes it in the middle of the run: nothing of that run may be used then.
 */
public interface TrainCipher {
  /** Bytes that sealing puts behind each packet. */
  int TAG_LENGTH = 16;

  /**
   * Enciphers every packet of the run in place and puts its tag behind it.
   *
   * <p>No counter may be sealed twice under one key. A backend that notices throws {@link
   * IllegalStateException}, but the caller must not count on it: it sees at most that a packet has
   * the nonce of the one sealed just before.
   */
  void seal(AeadKey key, PacketRun run);

  /**
   * Authenticates and deciphers every packet of the run in place.
   *
   * @return one bit a packet, bit 0 for packet 0: set where the tag was right. The bytes of the
   *     others are undefined and must not be used.
   */
  long open(AeadKey key, PacketRun run);

  /**
   * Overwrites what the keys used last have left in scratch memory. Closing a key cannot reach what
   * a cipher on another thread made of it, so an owner that has had keys closed calls this when it
   * falls idle.
   */
  void forgetKeys();
}
