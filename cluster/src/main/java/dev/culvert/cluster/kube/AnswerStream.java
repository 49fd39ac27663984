// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import io.fabric8.kubernetes.client.http.AsyncBody;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The body of an answer as a stream for one reading thread. It asks for the next bytes only when
 * the last ones have been read, so a fast server cannot fill the memory.
 */
final class AnswerStream extends InputStream {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Duration patience;

  /** When all that is waited for has to be there, by {@link System#nanoTime}, and its length. */
  private volatile long deadline;

  private volatile Duration whole;

  private @Nullable AsyncBody body;
  private Iterator<ByteBuffer> arrived = List.<ByteBuffer>of().iterator();
  private ByteBuffer current = ByteBuffer.allocate(0);
  private boolean asked;
  private boolean ended;
  private @Nullable Throwable failure;

  /**
   * @param patience how long a read waits for the next byte
   * @param whole how long the whole of a body may take: a server that sends a byte now and then
   *     would hold its reader up for ever
   */
  AnswerStream(Duration patience, Duration whole) {
    this.patience = patience;
    this.whole = whole;
    within(whole);
  }

  /** Begins with {@code body}, whose bytes come by {@link #arrived}. */
  void begin(AsyncBody body) {
    lock.lock();
    try {
      this.body = body;
    } finally {
      lock.unlock();
    }
    var _ = body.done().whenComplete((done, thrown) -> ended(thrown));
  }

  /** All that is read from now on has to come within this time, until this is called again. */
  final void within(Duration time) {
    whole = time;
    deadline = System.nanoTime() + time.toNanos();
  }

  /** Bytes came. */
  void arrived(List<ByteBuffer> buffers) {
    lock.lock();
    try {
      arrived = buffers.iterator();
      asked = false;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void ended(@Nullable Throwable thrown) {
    lock.lock();
    try {
      ended = true;
      failure = thrown;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    lock.lock();
    try {
      if (!await()) {
        return -1;
      }
      int count = Math.min(length, current.remaining());
      current.get(into, offset, count);
      return count;
    } finally {
      lock.unlock();
    }
  }

  /** Waits for a byte; false at the end. */
  private boolean await() throws IOException {
    long untilDeadline = deadline - System.nanoTime();
    long wait = Math.min(patience.toNanos(), untilDeadline);
    long left = wait;
    while (!current.hasRemaining()) {
      if (arrived.hasNext()) {
        current = arrived.next();
      } else if (ended) {
        if (failure != null) {
          throw new IOException("the connection broke: " + Refusals.text(failure), failure);
        }
        return false;
      } else if (!asked) {
        asked = true;
        Objects.requireNonNull(body).consume(); // The bytes may come within this call.
      } else if (left <= 0) {
        throw new SocketTimeoutException(
            wait < untilDeadline
                ? "nothing came for " + patience.toSeconds() + " s"
                : "not all came within " + whole.toSeconds() + " s");
      } else {
        try {
          left = changed.awaitNanos(left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new InterruptedIOException("interrupted");
        }
      }
    }
    return true;
  }

  @Override
  public void close() {
    AsyncBody open;
    lock.lock();
    try {
      open = ended ? null : body;
      ended = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    if (open != null) {
      open.cancel();
    }
  }
}
