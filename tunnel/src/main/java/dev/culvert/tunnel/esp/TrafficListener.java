package dev.culvert.tunnel.esp;

/**
 * Told by lanes what passes under one peer's SAs, once a train, for keyings whose timers follow the
 * traffic. Any thread, several at once; must neither block nor allocate.
 */
public interface TrafficListener {
  /** For keyings that do not ask. */
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
   * @param data whether they were not dummy packets
   */
  void sent(boolean data, long nowNanos);

  /**
   * Packets came that are authentic and fresh.
   *
   * @param spi what they came under
   * @param data whether any of them was delivered
   */
  void received(int spi, boolean data, long nowNanos);
}
