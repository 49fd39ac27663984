// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Assumptions;

/**
 * A network namespace for a test: a thread that lives in it. Descriptors opened on that thread, and
 * programs started from it, belong to the namespace, wherever they are used later. It goes when the
 * thread and the last descriptor go.
 */
public final class NetworkNamespace implements AutoCloseable {
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("netns-", 0).factory());
  private int fd = -1;

  private NetworkNamespace() {}

  /** Makes one, its loopback up. Skips the test if that is not allowed. */
  public static NetworkNamespace create() throws Exception {
    NetworkNamespace namespace = new NetworkNamespace();
    int errno = namespace.call(() -> LIBC.unshare(LibC.CLONE_NEWNET) == 0 ? 0 : Errno.last());
    if (errno != 0) {
      namespace.close();
      Assumptions.abort("network namespaces take root: unshare failed with errno " + errno);
    }
    namespace.fd =
        namespace.call(
            () ->
                ErrnoException.check(
                    "open ns/net", LIBC.open("/proc/thread-self/ns/net", LibC.O_CLOEXEC, 0)));
    namespace.exec("ip", "link", "set", "lo", "up");
    return namespace;
  }

  /** The argument of {@code ip link set DEV netns}. */
  public String path() {
    return "/proc/" + ProcessHandle.current().pid() + "/fd/" + fd;
  }

  /** Runs it in the namespace and waits for it. */
  public <T> T call(Callable<T> work) throws Exception {
    try {
      return thread.submit(work).get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Exception cause) {
        cause.addSuppressed(new IllegalStateException("called from here"));
        throw cause;
      }
      throw e;
    }
  }

  /** Starts a program in the namespace. */
  public Process start(String... command) throws Exception {
    return call(() -> new ProcessBuilder(command).redirectErrorStream(true).start());
  }

  /** Runs a program in the namespace: its output. */
  public String exec(String... command) throws Exception {
    Process process = start(command);
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException(List.of(command) + ": " + output);
    }
    return output;
  }

  @Override
  public void close() {
    thread.shutdownNow();
    if (fd >= 0) {
      LIBC.close(fd);
    }
  }
}
