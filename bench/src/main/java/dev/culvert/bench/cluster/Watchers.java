// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.cluster;

import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.lab.net.LabException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Watches as daemons have them, which count events and bytes and throw them away. */
final class Watchers implements AutoCloseable {
  /** The server takes 100 streams per connection. */
  private static final int PER_CONNECTION = 90;

  private static final String PATH =
      ResourceKind.CULVERT_NODES.path()
          + "?watch=true&allowWatchBookmarks=true&fieldSelector=status.phase%3DAccepted"
          + "&resourceVersion=";

  private final List<ServerApi> connections = new ArrayList<>();
  private final List<InputStream> streams = new ArrayList<>();
  private final AtomicLong events = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();
  private final AtomicReference<@Nullable IOException> broken = new AtomicReference<>();

  /**
   * Opens the watches.
   *
   * @param version after which changes are told
   */
  Watchers(Supplier<ServerApi> connect, int count, String version) {
    try {
      for (int i = 0; i < count; i++) {
        if (i % PER_CONNECTION == 0) {
          connections.add(connect.get());
        }
        InputStream stream = connections.getLast().stream(PATH + version);
        streams.add(stream);
        Thread.ofPlatform().daemon().start(() -> count(stream));
      }
    } catch (LabException e) {
      close();
      throw e;
    }
  }

  private void count(InputStream stream) {
    byte[] buffer = new byte[1 << 16];
    try {
      for (int length = stream.read(buffer); length >= 0; length = stream.read(buffer)) {
        bytes.addAndGet(length);
        for (int i = 0; i < length; i++) {
          if (buffer[i] == '\n') {
            events.incrementAndGet();
          }
        }
      }
    } catch (IOException e) {
      broken.compareAndSet(null, e);
    }
  }

  /** Events of all watches so far, bookmarks included. */
  long events() {
    IOException e = broken.get();
    if (e != null) {
      throw new LabException("a watch broke: " + e.getMessage(), e);
    }
    return events.get();
  }

  /** Bytes of all watches so far, without those of TLS and TCP. */
  long bytes() {
    return bytes.get();
  }

  @Override
  public void close() {
    connections.forEach(ServerApi::close);
    for (InputStream stream : streams) {
      try {
        stream.close();
      } catch (IOException e) {
        throw new LabException("a watch does not end: " + e.getMessage(), e);
      }
    }
  }
}
