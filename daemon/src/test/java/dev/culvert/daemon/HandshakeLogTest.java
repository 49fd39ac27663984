// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * The handshake log forgets a handshake's keys when nobody has asked for them in the last 11
 * seconds, and at once when it is closed.
 */
final class HandshakeLogTest {
  private static final PublicKey PEER = PublicKey.of(new byte[32]);

  private record Task(long at, Runnable run) {}

  private final ArrayDeque<Task> tasks = new ArrayDeque<>();
  private long now = -1;
  private final HandshakeLog log =
      new HandshakeLog(() -> now, (delay, task) -> tasks.add(new Task(now + delay, task)));

  private void ask() {
    try (DeviceSnapshot device = new DeviceSnapshot(null, null, List.of())) {
      assertEquals(log.kept(), log.lines(device).size());
    }
  }

  private void pass(int seconds) {
    now += TimeUnit.SECONDS.toNanos(seconds);
    for (int i = tasks.size(); i > 0; i--) {
      Task task = tasks.remove();
      if (task.at <= now) {
        task.run.run();
      } else {
        tasks.add(task);
      }
    }
  }

  @Test
  void whatWasCapturedIsForgottenThoughNobodyAsksOrShakesHandsAgain() {
    ask();
    log.onHandshake(PEER, new byte[32]);
    assertEquals(1, log.kept());
    pass(11);
    assertEquals(0, log.kept());
    assertEquals(0, tasks.size());
  }

  @Test
  void whoeverAsksOnKeepsIt() {
    ask();
    log.onHandshake(PEER, new byte[32]);
    for (int i = 0; i < 10; i++) {
      pass(5);
      ask();
      assertEquals(1, log.kept());
    }
    pass(6);
    pass(6);
    assertEquals(0, log.kept());
  }

  @Test
  void aClosedDeviceKeepsNothing() {
    ask();
    log.onHandshake(PEER, new byte[32]);
    log.close();
    assertEquals(0, log.kept());
  }
}
