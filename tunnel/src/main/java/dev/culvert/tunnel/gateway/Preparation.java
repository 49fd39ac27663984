package dev.culvert.tunnel.gateway;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.X25519;
import dev.culvert.tunnel.kernel.LibC;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.epoll.Epoll;
import java.util.List;

/**
 * Loads classes and native libraries beside the thread that starts a gateway. A failure is not
 * reported here: the gateway meets it again where it needs what failed.
 */
public final class Preparation {
  private Preparation() {}

  /**
   * Begins with what does not log (the logging library wants to be started by one thread), and
   * returns at once. It need not be called; a process that will open a gateway calls it first.
   */
  public static void start() {
    inBackground("libc", () -> LibC.LIBC.strerror(0));
    inBackground(
        "crypto",
        () -> {
          AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305);
          X25519.publicKey(new byte[X25519.KEY_LENGTH]);
        });
  }

  /** Netty's, which logs. */
  static void startNetty() {
    inBackground("netty", () -> List.of(Epoll.isAvailable(), PooledByteBufAllocator.DEFAULT));
  }

  private static void inBackground(String name, Runnable load) {
    Thread.ofPlatform()
        .name("prepare-" + name)
        .daemon()
        .uncaughtExceptionHandler((thread, failure) -> {})
        .start(load);
  }
}
