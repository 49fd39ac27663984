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
 * Gets the trains of a batch into a socket. The ways down from a whole train, in this order:
 * without the source that the kernel refused, packet by packet, counted as failed.
 */
final class Sender {
  /** Times that one batch waits for a full socket, a millisecond each. */
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

  int send(SendBatch batch, SendListener listener) {
    waitsLeft = WAITS;
    int count = batch.count();
    int next = 0;
    while (next < count) {
      if (batch.family() == IpFamily.V4) {
        use(batch.fragmentation(next));
      }
      int run = runOfWholeTrains(batch, next);
      if (run == 0) {
        sendSingly(batch, next++, listener);
        continue;
      }
      int taken = libc.sendmmsg(fd, batch.headerAddress(next), run, LibC.MSG_DONTWAIT);
      if (taken > 0) {
        next += taken;
      } else {
        // The call stops at the first train that fails, and says why where that is the first of
        // all.
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

  private int runOfWholeTrains(SendBatch batch, int from) {
    int end = from;
    while (end < batch.count()
        && batch.fragmentation(end) == batch.fragmentation(from)
        && (segmentation || batch.packets(end) == 1)) {
      end++;
    }
    return end - from;
  }

  /**
   * No control message carries DF over IPv4, so that the socket is switched where it has to change:
   * hardly ever, since almost all traffic sets it. With DF the kernel sends whatever the device
   * takes (PROBE): a path MTU that it believed could be lowered by anyone who forges ICMP.
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
    // Where the kernel refuses, packets go out all the same, as it sees fit.
    libc.setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, option.address(), 4);
    inForce = wanted;
  }

  /** Deals with the train that failed; false where it is to be tried again as it is. */
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

  /** Made when it is first needed: most sockets take whole trains. */
  private SendBatch singles(IpFamily family) {
    SendBatch made = singles;
    if (made == null) {
      made = new SendBatch(family, Train.MAX_PACKETS, Arena.ofAuto());
      singles = made;
    }
    return made;
  }

  /** Sends message {@code i} as it stands: 0, or why not. */
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

  /** Waits until the socket may have room; false where the batch has waited enough. */
  private boolean awaitRoom(int errno) {
    if (errno == Errno.EINTR) {
      return true;
    }
    if (waitsLeft == 0) {
      return false;
    }
    waitsLeft--;
    // A socket that is short of memory elsewhere (ENOBUFS) polls as writable: then just let time
    // pass.
    pollFd.set(SHORT, 4, errno == Errno.EAGAIN ? LibC.POLLOUT : (short) 0);
    libc.poll(pollFd.address(), 1, WAIT_MILLIS);
    return true;
  }
}
