package dev.culvert.tunnel.esp.noise;

/**
 * How many packets one key may seal.
 *
 * @param renewAfter packets after which a new handshake is begun
 * @param rejectAfter packets after which nothing more is sent
 */
record PacketLimits(long renewAfter, long rejectAfter) {
  /**
   * Those of the keys from a key file: far below what ESN could number, for the sake of AES-GCM's
   * bounds, and far above what three minutes can carry.
   */
  static final PacketLimits DEFAULT = new PacketLimits(1L << 32, 1L << 34);
}
