// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.port.Wire.*;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.LibC;
import dev.culvert.tunnel.train.Fragmentation;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Sends the trains of a batch through a socket. If the kernel refuses a train, the next attempts
 * are, in this order: without the refused source, then packet by packet; packets that still fail
 * are counted.
 */
final class Sender {
  /** How often one batch waits for a full socket, for a millisecond each time. */
  private static final int WAITS = 5;

  private static final int WAIT_MILLIS = 1;

  private final LibC libc;
  private final int fd;
  private final MemorySegment pollFd;
  private volatile boolean segmentation;
  private final MemorySegment option;
  private Fragmentation inForce = Fragmentation.BY_KERNEL;
  private @Nullable SendBatch singles;
  private int waitsLeft;

  Sender(LibC libc, int fd, boolean segmentation, Arena arena) {
    this.libc = libc;
    this.fd = fd;
    this.segmentation = segmentation;
    pollFd = arena.allocate(8, 8);
    pollFd.set(INT, 0, fd);
    option = arena.allocate(INT);
  }

  boolean segmentation() {
    return segmentation;
  }

  /**
   * Sends a batch, which then tells which trains failed.
   *
   * @param segmented whether a train may be handed to the kernel as one message
   * @return datagrams that the kernel took
   */
  int send(SendBatch batch, SendListener listener, boolean segmented) {
    waitsLeft = WAITS;
    int count = batch.count();
    int next = 0;
    while (next < count) {
      if (batch.family() == IpFamily.V4) {
        use(batch.fragmentation(next));
      }
      int run = runOfWholeTrains(batch, next, segmented && segmentation);
      if (run == 0) {
        sendSingly(batch, next++, listener);
        continue;
      }
      int taken = libc.sendmmsg(fd, batch.headerAddress(next), run, LibC.MSG_DONTWAIT);
      if (taken > 0) {
        next += taken;
      } else {
        // The call stops at the first train that fails, and returns the reason if it is the first
        // of the call.
        if (mend(batch, next, Errno.last(), listener)) {
          next++;
        }
      }
    }
    int sent = 0;
    for (int i = 0; i < count; i++) {
      sent += batch.packets(i) - batch.failedPackets(i);
    }
    return sent;
  }

  private static int runOfWholeTrains(SendBatch batch, int from, boolean segmented) {
    int end = from;
    while (end < batch.count()
        && batch.fragmentation(end) == batch.fragmentation(from)
        && (segmented || batch.packets(end) == 1)) {
      end++;
    }
    return end - from;
  }

  /**
   * Switches the socket's DF setting if it has to change, since no control message carries DF over
   * IPv4. That is rare, because almost all traffic sets it. With DF the kernel sends all that fits
   * the device (PROBE): if it believed path MTUs, forged ICMP could lower them.
   */
  private void use(Fragmentation wanted) {
    if (wanted == inForce) {
      return;
    }
    int value =
        switch (wanted) {
          case BY_KERNEL -> IP_PMTUDISC_WANT;
          case FORBIDDEN -> IP_PMTUDISC_PROBE;
          case ALLOWED -> IP_PMTUDISC_DONT;
        };
    option.set(INT, 0, value);
    // If the kernel refuses, packets are sent all the same, with its own choice of DF.
    libc.setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, option.address(), 4);
    inForce = wanted;
  }

  /** Handles a failed train; returns false if it is to be tried again unchanged. */
  private boolean mend(SendBatch batch, int i, int errno, SendListener listener) {
    if (isTransient(errno) && awaitRoom(errno)) {
      return false;
    }
    if (blamesSource(errno) && batch.hasSource(i)) {
      batch.whole(i, false);
      int second = sendMessage(batch, i);
      if (second == 0) {
        listener.onRefusedSource(i);
        return true;
      }
      errno = second;
    }
    boolean blamesTrain = errno == Errno.EIO || errno == Errno.EINVAL || errno == Errno.EMSGSIZE;
    if (blamesTrain && batch.packets(i) > 1) {
      if (errno == Errno.EIO) {
        segmentation = false;
      }
      sendSingly(batch, i, listener);
    } else {
      batch.failed(i, batch.packets(i), errno);
    }
    return true;
  }

  private void sendSingly(SendBatch batch, int i, SendListener listener) {
    SendBatch packets = singles(batch.family());
    packets.packetsOf(batch, i, true);
    int count = packets.count();
    for (int next = 0; next < count; ) {
      int taken = libc.sendmmsg(fd, packets.headerAddress(next), count - next, LibC.MSG_DONTWAIT);
      if (taken > 0) {
        next += taken;
        continue;
      }
      int errno = Errno.last();
      if (isTransient(errno) && awaitRoom(errno)) {
        continue;
      }
      if (blamesSource(errno) && packets.hasSource(next)) {
        packets.whole(next, false);
        errno = sendMessage(packets, next);
        if (errno == 0) {
          listener.onRefusedSource(i);
          packets.packetsOf(batch, i, false);
        }
      }
      if (errno != 0) {
        batch.failed(i, 1, errno);
      }
      next++;
    }
  }

  /** Created on first use, since most sockets take whole trains. */
  private SendBatch singles(IpFamily family) {
    SendBatch made = singles;
    if (made == null) {
      made = new SendBatch(family, Train.MAX_PACKETS, Arena.ofAuto());
      singles = made;
    }
    return made;
  }

  /** Sends message {@code i} unchanged; returns 0 or the errno. */
  private int sendMessage(SendBatch batch, int i) {
    while (libc.sendmsg(fd, batch.headerAddress(i), LibC.MSG_DONTWAIT) < 0) {
      int errno = Errno.last();
      if (!isTransient(errno) || !awaitRoom(errno)) {
        return errno;
      }
    }
    return 0;
  }

  private static boolean isTransient(int errno) {
    return errno == Errno.EAGAIN || errno == Errno.ENOBUFS || errno == Errno.EINTR;
  }

  private static boolean blamesSource(int errno) {
    return errno == Errno.EINVAL
        || errno == Errno.ENETUNREACH
        || errno == Errno.EADDRNOTAVAIL
        || errno == Errno.ENODEV;
  }

  /** Waits until the socket may have room; false if the batch has waited enough. */
  private boolean awaitRoom(int errno) {
    if (errno == Errno.EINTR) {
      return true;
    }
    if (waitsLeft == 0) {
      return false;
    }
    waitsLeft--;
    // A socket that is short of memory elsewhere (ENOBUFS) polls as writable, so then simply wait.
    pollFd.set(SHORT, 4, errno == Errno.EAGAIN ? LibC.POLLOUT : (short) 0);
    libc.poll(pollFd.address(), 1, WAIT_MILLIS);
    return true;
  }
}
