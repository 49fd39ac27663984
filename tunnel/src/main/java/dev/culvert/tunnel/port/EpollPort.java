// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/**
 * A descriptor of ours on a lane's event loop. The loop watches it, but never closes it: the
 * descriptor's owner cancels first, and closes once the returned future is complete.
 *
 * <p>Level-triggered: a reader that stops before it has read all is called again. It is also called
 * for errors and hang-ups, which its next read reports; if that read says that the device is gone,
 * the owner must cancel, or the loop spins.
 */
public final class EpollPort implements EpollIoHandle {
  private final FileDescriptor fd;
  private final Runnable onReadable;
  private final Consumer<? super Throwable> onFailure;
  private final CompletableFuture<Void> unregistered = new CompletableFuture<>();

  private EpollPort(int fd, Runnable onReadable, Consumer<? super Throwable> onFailure) {
    this.fd = new FileDescriptor(fd);
    this.onReadable = onReadable;
    this.onFailure = onFailure;
  }

  /**
   * Puts {@code fd} on the loop, and waits until it is there.
   *
   * @param onReadable runs on the loop while there is something to read
   * @param onFailure called on the loop with exceptions of {@code onReadable}; events go on
   * @param patience the longest wait for the loop
   * @throws IllegalStateException if the loop takes longer, or refuses; it never watches {@code fd}
   *     then
   */
  public static Registration register(
      IoEventLoop loop,
      int fd,
      Runnable onReadable,
      Consumer<? super Throwable> onFailure,
      Duration patience) {
    EpollPort handle = new EpollPort(fd, onReadable, onFailure);
    CompletableFuture<IoRegistration> registered = new CompletableFuture<>();
    loop.execute(() -> handle.registerOn(loop, registered));
    IoRegistration registration;
    try {
      registration = registered.orTimeout(patience.toMillis(), TimeUnit.MILLISECONDS).join();
    } catch (CompletionException e) {
      throw new IllegalStateException(
          e.getCause() instanceof TimeoutException
              ? "a lane does not answer"
              : "a lane cannot watch a descriptor",
          e);
    }
    // A loop that ends may drop its descriptors without telling their handles.
    loop.terminationFuture().addListener(ended -> handle.unregistered());
    registration.submit(EpollIoOps.EPOLLIN);
    return new Registration(registration, handle.unregistered);
  }

  /**
   * Runs on the loop. If the caller no longer waits, the number may be another descriptor's
   * already, so it must not be registered.
   */
  private void registerOn(IoEventLoop loop, CompletableFuture<IoRegistration> registered) {
    if (registered.isDone()) {
      return;
    }
    loop.register(this)
        .addListener(
            (Future<IoRegistration> done) -> {
              if (!done.isSuccess()) {
                registered.completeExceptionally(done.cause());
              } else if (!registered.complete(done.getNow())) {
                done.getNow().cancel();
              }
            });
  }

  /** A descriptor that is on a loop. */
  public static final class Registration {
    private final IoRegistration registration;
    private final CompletableFuture<Void> unregistered;

    private Registration(IoRegistration registration, CompletableFuture<Void> unregistered) {
      this.registration = registration;
      this.unregistered = unregistered;
    }

    /**
     * Takes the descriptor off the loop; harmless when repeated.
     *
     * @return complete once no further event can come and the descriptor may be closed
     */
    public CompletableFuture<Void> cancel() {
      try {
        registration.cancel();
      } catch (RejectedExecutionException e) {
        // The loop has ended, and with it every registration.
        unregistered.complete(null);
      }
      return unregistered.copy();
    }
  }

  @Override
  public FileDescriptor fd() {
    return fd;
  }

  // Netty's loop sleeps for a second after any exception from here.
  @Override
  public void handle(IoRegistration registration, IoEvent event) {
    try {
      onReadable.run();
    } catch (Throwable failure) {
      report(failure);
    }
  }

  private void report(Throwable failure) {
    try {
      onFailure.accept(failure);
    } catch (RuntimeException second) {
      failure.addSuppressed(second);
      Thread thread = Thread.currentThread();
      thread.getUncaughtExceptionHandler().uncaughtException(thread, failure);
    }
  }

  @Override
  public void unregistered() {
    unregistered.complete(null);
  }

  /** Called when the loop ends. The descriptor stays its owner's. */
  @Override
  public void close() {}
}
