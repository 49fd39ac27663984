// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.noise.KeyLog;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceSnapshot.PeerSnapshot;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The ephemeral keys of handshakes, in the lines of Wireshark's {@code wg.keylog_file}. Keys are
 * kept only while an operator asks for them again and again, so that handshakes of any other time
 * stay secret.
 */
final class HandshakeLog implements KeyLog, AutoCloseable {
  private static final long ASKED_NANOS = 10_000_000_000L;
  private static final int MOST = 1024;

  /** Runs a task later. */
  interface Later {
    void run(long delayNanos, Runnable task);
  }

  private final LongSupplier clock;
  private final Later later;
  private final ArrayDeque<Entry> entries = new ArrayDeque<>();
  private long until;
  private boolean asked;

  /** One handshake. */
  private record Entry(PublicKey peer, SecretBytes ephemeral) {}

  HandshakeLog(LongSupplier clock, Later later) {
    this.clock = clock;
    this.later = later;
  }

  /** A log that goes by this machine's clock. */
  static HandshakeLog create() {
    return new HandshakeLog(
        System::nanoTime,
        (delay, task) ->
            CompletableFuture.delayedExecutor(delay, TimeUnit.NANOSECONDS).execute(task));
  }

  @Override
  public synchronized void onHandshake(PublicKey peer, byte[] ephemeralPrivateKey) {
    if (!isAsked()) {
      return;
    }
    if (entries.size() == MOST) {
      entries.remove().ephemeral().close();
    }
    entries.add(new Entry(peer, SecretBytes.copyOf(ephemeralPrivateKey)));
  }

  /** Forgets without waiting for a question or a handshake, since there may never be another. */
  private synchronized void forgetInTime() {
    if (isAsked()) {
      later.run(until - clock.getAsLong() + 1, this::forgetInTime);
    }
  }

  private boolean isAsked() {
    if (asked && clock.getAsLong() - until > 0) {
      asked = false;
      forget();
    }
    return asked;
  }

  private void forget() {
    entries.forEach(entry -> entry.ephemeral().close());
    entries.clear();
  }

  /**
   * The lines that Wireshark needs for the handshakes since the first call of a row of calls that
   * never paused for ten seconds.
   */
  synchronized List<String> lines(DeviceSnapshot device) {
    boolean first = !isAsked();
    asked = true;
    until = clock.getAsLong() + ASKED_NANOS;
    if (first) {
      later.run(ASKED_NANOS + 1, this::forgetInTime);
    }
    List<String> lines = new ArrayList<>();
    SecretBytes own = device.privateKey();
    if (own != null) {
      lines.add("LOCAL_STATIC_PRIVATE_KEY=" + base64(own));
    }
    for (PeerSnapshot peer : device.peers()) {
      lines.add("REMOTE_STATIC_PUBLIC_KEY=" + peer.publicKey());
    }
    for (Entry entry : entries) {
      String handshake = "LOCAL_EPHEMERAL_PRIVATE_KEY=" + base64(entry.ephemeral());
      // A pre-shared key belongs to the ephemeral key on the line before it.
      lines.add(
          device.peers().stream()
              .filter(peer -> peer.publicKey().equals(entry.peer()))
              .filter(peer -> !peer.presharedKey().isZero())
              .findFirst()
              .map(peer -> handshake + "\nPRESHARED_KEY=" + base64(peer.presharedKey()))
              .orElse(handshake));
    }
    return lines;
  }

  /** The number of handshakes whose keys are kept now. */
  synchronized int kept() {
    return entries.size();
  }

  @Override
  public synchronized void close() {
    asked = false;
    forget();
  }

  private static String base64(SecretBytes secret) {
    byte[] bytes = secret.toByteArray();
    try {
      return Base64.getEncoder().encodeToString(bytes);
    } finally {
      Arrays.fill(bytes, (byte) 0);
    }
  }
}
