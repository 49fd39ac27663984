package dev.culvert.tunnel.lane;

import java.util.concurrent.atomic.AtomicLong;

/**
 * What one lane moved. Written by its own thread, read by any: a plain read and an ordered store
 * are enough.
 */
public final class LaneCounters {
  private final AtomicLong packetsSealed = new AtomicLong();
  private final AtomicLong trainsSent = new AtomicLong();
  private final AtomicLong packetsOpened = new AtomicLong();
  private final AtomicLong trainsReceived = new AtomicLong();

  void sent(int packets) {
    add(packetsSealed, packets);
    add(trainsSent, 1);
  }

  void received() {
    add(trainsReceived, 1);
  }

  void delivered(int packets) {
    add(packetsOpened, packets);
  }

  public long packetsSealed() {
    return packetsSealed.get();
  }

  public long trainsSent() {
    return trainsSent.get();
  }

  public long packetsOpened() {
    return packetsOpened.get();
  }

  public long trainsReceived() {
    return trainsReceived.get();
  }

  private static void add(AtomicLong counter, int n) {
    counter.lazySet(counter.getPlain() + n);
  }
}
