package dev.culvert.crypto;

/**
 * Seals and opens trains in place. Holds scratch memory, so it belongs to one thread at a time;
 * keys are shared. Allocates nothing of its own per packet (a backend over javax.crypto allocates
 * what the provider does).
 */
public interface TrainCipher {
  /** Bytes that sealing puts behind each packet. */
  int TAG_LENGTH = 16;

  /** Enciphers every packet of the run in place and puts its tag behind it. */
  void seal(AeadKey key, PacketRun run);

  /**
   * Authenticates and deciphers every packet of the run in place.
   *
   * @return one bit a packet, bit 0 for packet 0: set where the tag was right. The bytes of the
   *     others are undefined and must not be used.
   */
  long open(AeadKey key, PacketRun run);
}
