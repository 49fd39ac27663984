// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.culvert.tunnel.runtime.VitalThread;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * Receives the kernel's signs that the machine was restored from a snapshot: its clock is set, or
 * its hypervisor changes the generation ID of the virtual machine (vmgenid). Waking from sleep sets
 * the clock too. Runs on a thread of its own.
 */
public final class RestoreMonitor implements AutoCloseable {
  private static final int NETLINK_KOBJECT_UEVENT = 15;
  private static final int FROM_KERNEL = 1;
  private static final String NEW_GENERATION = "NEW_VMGENID=1";
  private static final int MAX_UEVENT = 8192;

  private static final int CLOCK_REALTIME = 0;
  private static final int TFD_NONBLOCK = 0x800;
  private static final int TFD_CLOEXEC = 0x80000;
  private static final int TFD_TIMER_ABSTIME = 1;
  private static final int TFD_TIMER_CANCEL_ON_SET = 2;

  /** The timer ends in the year 2200: it exists only because setting the clock cancels it. */
  private static final long NEVER_SECONDS = 7_258_118_400L;

  private static final int ITIMERSPEC_BYTES = 32;
  private static final int ITIMERSPEC_VALUE = 16;
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /** Called on the monitor's thread. */
  public interface Listener {
    /**
     * The clock was set, or the machine woke. The listener has to find out how far the clock moved.
     */
    void clockSet();

    /**
     * The hypervisor reports that this machine was restored or cloned, or such a report may have
     * been lost.
     */
    void generationChanged();
  }

  private final Netlink uevents;
  private final int timer;
  private final Wakeup wakeup;
  private final Listener listener;
  private final Thread thread;
  private volatile boolean closing;

  private RestoreMonitor(
      Netlink uevents,
      int timer,
      Wakeup wakeup,
      Listener listener,
      Consumer<? super Throwable> died) {
    this.uevents = uevents;
    this.timer = timer;
    this.wakeup = wakeup;
    this.listener = listener;
    thread = VitalThread.unstarted("restore-monitor", this::run, died);
  }

  /**
   * Starts to listen.
   *
   * @param died called if the monitor's thread dies although this was not closed
   */
  public static RestoreMonitor start(Listener listener, Consumer<? super Throwable> died)
      throws IOException {
    Netlink uevents = Netlink.open(NETLINK_KOBJECT_UEVENT, FROM_KERNEL);
    int timer = -1;
    try {
      timer =
          ErrnoException.check(
              "timerfd", LIBC.timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC));
      arm(timer);
      RestoreMonitor monitor = new RestoreMonitor(uevents, timer, Wakeup.open(), listener, died);
      monitor.thread.start();
      return monitor;
    } catch (IOException | RuntimeException e) {
      uevents.close();
      if (timer >= 0) {
        LIBC.close(timer);
      }
      throw e;
    }
  }

  private static void arm(int timer) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment spec = arena.allocate(ITIMERSPEC_BYTES, 8);
      spec.set(JAVA_LONG, ITIMERSPEC_VALUE, NEVER_SECONDS);
      ErrnoException.check(
          "timerfd",
          LIBC.timerfd_settime(
              timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, spec.address(), 0));
    }
  }

  private void run() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(MAX_UEVENT, 8);
      while (!closing) {
        Poll.readable(Poll.FOREVER, timer, uevents.fd(), wakeup.fd());
        if (!closing && Poll.readable(0, timer)) {
          // It returns ECANCELED once for each time that the clock was set, and stays armed.
          LIBC.read(timer, buffer.address(), Long.BYTES);
          listener.clockSet();
        }
        if (!closing && Poll.readable(0, uevents.fd()) && tellsOfGeneration(buffer)) {
          listener.generationChanged();
        }
      }
    } finally {
      uevents.close();
      LIBC.close(timer);
      wakeup.close();
    }
  }

  private boolean tellsOfGeneration(MemorySegment buffer) throws ErrnoException {
    long length = LIBC.recv(uevents.fd(), buffer.address(), buffer.byteSize(), LibC.MSG_DONTWAIT);
    if (length < 0) {
      int errno = Errno.last();
      if (errno != Errno.EAGAIN && errno != Errno.EINTR && errno != Errno.ENOBUFS) {
        throw new ErrnoException("uevents", errno);
      }
      // A message that the kernel had to drop may have been this report.
      return errno == Errno.ENOBUFS;
    }
    byte[] text = buffer.asSlice(0, length).toArray(JAVA_BYTE);
    return new String(text, StandardCharsets.ISO_8859_1).contains(NEW_GENERATION);
  }

  /** Stops listening. */
  @Override
  public void close() {
    closing = true;
    wakeup.signal();
    if (Thread.currentThread() != thread) {
      VitalThread.join(thread, PATIENCE);
    }
  }
}
