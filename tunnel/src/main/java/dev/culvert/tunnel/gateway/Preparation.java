// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.X25519;
import dev.culvert.tunnel.kernel.LibC;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.epoll.Epoll;
import java.util.List;

/**
 * Loads classes and native libraries in parallel to the thread that starts a gateway. A failure is
 * not reported here, since the gateway meets it again when it uses the class or library.
 */
public final class Preparation {
  private Preparation() {}

  /**
   * Starts loading, and returns at once. Begins with classes that do not log, since the logging
   * library has to be started by one thread. Optional: a process that will open a gateway may call
   * it first.
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

  /** Loads Netty's classes, which log. */
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
