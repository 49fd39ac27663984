// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

/**
 * The numbers of packets that one key may seal.
 *
 * @param renewAfter packets after which a new handshake is begun
 * @param rejectAfter packets after which the key is not used any more
 */
record PacketLimits(long renewAfter, long rejectAfter) {
  /**
   * The same limits as for keys from a key file: far below ESN's numbers, because of AES-GCM's
   * bounds, and far above the traffic of three minutes.
   */
  static final PacketLimits DEFAULT = new PacketLimits(1L << 32, 1L << 34);
}
