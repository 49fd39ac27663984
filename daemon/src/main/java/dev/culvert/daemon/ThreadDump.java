// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import java.lang.management.LockInfo;
import java.lang.management.ManagementFactory;
import java.lang.management.MonitorInfo;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.Comparator;

/**
 * The platform threads of this process with their stacks and locks, in text like that of {@code
 * jstack}, which a runtime without a JDK lacks. Virtual threads are not shown.
 */
final class ThreadDump {
  private ThreadDump() {}

  static String now() {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    StringBuilder text = new StringBuilder();
    long[] stuck = threads.findDeadlockedThreads();
    if (stuck != null) {
      text.append("deadlocked: ").append(Arrays.toString(stuck)).append("\n\n");
    }
    Arrays.stream(threads.dumpAllThreads(true, true))
        .sorted(Comparator.comparing(ThreadInfo::getThreadName))
        .forEach(thread -> add(thread, threads, text));
    return text.toString();
  }

  private static void add(ThreadInfo thread, ThreadMXBean threads, StringBuilder text) {
    long cpuNanos = threads.getThreadCpuTime(thread.getThreadId());
    text.append('"').append(thread.getThreadName()).append('"');
    text.append(" #").append(thread.getThreadId());
    text.append(thread.isDaemon() ? " daemon" : "");
    text.append(" cpu=").append(cpuNanos / 1_000_000).append("ms ");
    text.append(thread.getThreadState()).append('\n');
    LockInfo waitsFor = thread.getLockInfo();
    if (waitsFor != null) {
      text.append("    waits for ").append(waitsFor);
      String owner = thread.getLockOwnerName();
      text.append(owner == null ? "" : ", which \"" + owner + "\" has").append('\n');
    }
    StackTraceElement[] stack = thread.getStackTrace();
    for (int depth = 0; depth < stack.length; depth++) {
      text.append("    at ").append(stack[depth]).append('\n');
      for (MonitorInfo monitor : thread.getLockedMonitors()) {
        if (monitor.getLockedStackDepth() == depth) {
          text.append("      has ").append(monitor).append('\n');
        }
      }
    }
    for (LockInfo lock : thread.getLockedSynchronizers()) {
      text.append("    has ").append(lock).append('\n');
    }
    text.append('\n');
  }
}
