package dev.culvert.tunnel.esp;

import static java.util.concurrent.TimeUnit.SECONDS;

/**
 * Notices that the wall clock jumps against the monotonic one, as it does on a machine that was
 * restored from a snapshot: that machine goes on with keys and counters that it has used already.
 * Belongs to the control thread.
 */
public final class ClockWatch {
  private static final long JUMP = SECONDS.toNanos(10);

  private boolean seen;
  private long lastNow;
  private long lastWall;

  /**
   * How far the wall clock has run ahead of the monotonic one since the last call, in nanoseconds:
   * 0 for less than ten seconds either way.
   */
  public long jump(long nowNanos, long wallNanos) {
    long jump = seen ? (wallNanos - lastWall) - (nowNanos - lastNow) : 0;
    seen = true;
    lastNow = nowNanos;
    lastWall = wallNanos;
    return Math.abs(jump) > JUMP ? jump : 0;
  }
}
