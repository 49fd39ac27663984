// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

/**
 * Receives lanes' reports on traffic under one peer's SAs, once per train, for keyings whose timers
 * depend on the traffic. Called by several threads at once; must neither block nor allocate.
 */
public interface TrafficListener {
  /** A listener that ignores all reports. */
  TrafficListener NONE =
      new TrafficListener() {
        @Override
        public void sent(boolean data, long nowNanos) {}

        @Override
        public void received(int spi, boolean data, long nowNanos) {}
      };

  /**
   * Packets were sealed.
   *
   * @param data false if they were dummy packets
   */
  void sent(boolean data, long nowNanos);

  /**
   * Authentic and fresh packets came.
   *
   * @param spi the SPI of their SA
   * @param data whether any of them was delivered
   */
  void received(int spi, boolean data, long nowNanos);
}
