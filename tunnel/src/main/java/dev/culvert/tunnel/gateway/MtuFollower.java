package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.port.TunDevice;
import java.util.function.IntConsumer;

final class MtuFollower implements AutoCloseable {
  MtuFollower(TunDevice tun, IntConsumer onMtu, Runnable onGone) {}

  void start() {}

  @Override
  public void close() {}
}
