// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A routing netlink socket: asks the kernel, one request at a time, and waits for its answer.
 * Belongs to the network namespace of the thread that opened it; usable from any thread.
 */
public final class Netlink implements AutoCloseable {
  static final int NETLINK_ROUTE = 0;
  static final int NETLINK_NETFILTER = 12;
  static final int NFNL_SUBSYS_NFTABLES = 10;
  private static final int NFNL_MSG_BATCH_BEGIN = 0x10;
  private static final int NFNL_MSG_BATCH_END = 0x11;
  private static final int SOL_NETLINK = 270;
  private static final int NETLINK_LISTEN_ALL_NSID = 8;
  private static final int NETLINK_CAP_ACK = 10;
  private static final int NETLINK_EXT_ACK = 11;
  private static final int NETLINK_GET_STRICT_CHK = 12;

  private static final int RECEIVE_BYTES = 1 << 18;
  private static final int SOCKADDR_NL = 12;

  // struct msghdr, one iovec, and a control message with the number of a namespace
  private static final int MSGHDR = 56;
  private static final int MSG_IOV = 16;
  private static final int MSG_IOVLEN = 24;
  private static final int MSG_CONTROL = 32;
  private static final int MSG_CONTROLLEN = 40;
  private static final int IOVEC = 16;
  private static final int CONTROL_ROOM = 64;
  private static final int CMSG_LEVEL = 8;
  private static final int CMSG_TYPE = 12;
  private static final int CMSG_DATA = 16;

  private static final int ETIMEDOUT = 110;
  private static final int ANSWER_MILLIS = 10_000;
  private static final int DUMP_ATTEMPTS = 8;

  private final int fd;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment buffer = arena.allocate(RECEIVE_BYTES, 8);
  private final MemorySegment message = arena.allocate(MSGHDR + IOVEC + CONTROL_ROOM, 8);
  private int sequence;

  /** Of this socket, by the kernel's last acknowledgement; 0 before the first. */
  private int port;

  private boolean closed;

  private Netlink(int fd) {
    this.fd = fd;
  }

  /** Opens a socket for requests. */
  public static Netlink open() throws ErrnoException {
    return open(NETLINK_ROUTE, 0);
  }

  /**
   * Opens a socket that also receives messages about changes.
   *
   * @param protocol as in NETLINK_ROUTE
   * @param groups bits as in RTMGRP_LINK
   */
  static Netlink open(int protocol, int groups) throws ErrnoException {
    int type = LibC.SOCK_RAW | LibC.SOCK_CLOEXEC;
    int fd = ErrnoException.check("netlink socket", LIBC.socket(LibC.AF_NETLINK, type, protocol));
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment one = scratch.allocate(4, 4);
      one.set(JAVA_INT_UNALIGNED, 0, 1);
      // Older kernels support neither option: then errors lack their text, and dumps are not
      // filtered.
      for (int option : new int[] {NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK}) {
        LIBC.setsockopt(fd, SOL_NETLINK, option, one.address(), 4);
      }
      MemorySegment address = scratch.allocate(SOCKADDR_NL, 4);
      address.set(JAVA_SHORT_UNALIGNED, 0, (short) LibC.AF_NETLINK);
      address.set(JAVA_INT_UNALIGNED, 8, groups);
      ErrnoException.check("netlink bind", LIBC.bind(fd, address.address(), SOCKADDR_NL));
      return new Netlink(fd);
    } catch (ErrnoException e) {
      LIBC.close(fd);
      throw e;
    }
  }

  int fd() {
    return fd;
  }

  /** Whether a change that the kernel tells another socket of was made through this one. */
  synchronized boolean made(NetlinkMessage news) {
    return port != 0 && news.port() == port;
  }

  /**
   * From now on, also receives messages about changes in other network namespaces that have a
   * number in this one.
   *
   * @throws ErrnoException EPERM without CAP_NET_BROADCAST
   */
  synchronized void hearEverywhere() throws ErrnoException {
    String name = "listen to other network namespaces";
    if (closed) {
      throw new ErrnoException(name, Errno.EBADF);
    }
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment one = scratch.allocateFrom(JAVA_INT_UNALIGNED, 1);
      ErrnoException.check(
          name, LIBC.setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, one.address(), 4));
    }
  }

  /**
   * Sends a request, and waits until the kernel has done it.
   *
   * @param name the request's name in the error message
   * @return the messages before the acknowledgement, which answer a query
   * @throws ErrnoException if the kernel refuses, with its explanation if it gives one
   */
  synchronized List<NetlinkMessage> request(String name, NetlinkWriter request) throws IOException {
    int asked = send(name, request);
    List<NetlinkMessage> answers = new ArrayList<>();
    while (true) {
      for (NetlinkMessage message : receive(name)) {
        if (message.sequence() != asked) {
          continue;
        }
        if (message.type() == NetlinkMessage.NLMSG_ERROR) {
          check(name, message);
          return answers;
        }
        answers.add(message);
      }
    }
  }

  /**
   * Sends requests to nftables as one transaction, and waits until the kernel has done all of them.
   *
   * @param name the transaction's name in the error message
   * @throws ErrnoException if the kernel refuses one of them, and has done none
   */
  synchronized void transaction(String name, List<NetlinkWriter> requests) throws IOException {
    requests.getLast().acknowledge();
    ByteArrayOutputStream batch = new ByteArrayOutputStream();
    batch.writeBytes(batchMark(NFNL_MSG_BATCH_BEGIN));
    for (NetlinkWriter request : requests) {
      batch.writeBytes(request.toBytes(++sequence));
    }
    int last = sequence;
    batch.writeBytes(batchMark(NFNL_MSG_BATCH_END));
    send(name, batch.toByteArray());
    while (true) {
      for (NetlinkMessage message : receive(name)) {
        // The kernel tells of each that it refuses, and in the end of the last one.
        if (message.type() == NetlinkMessage.NLMSG_ERROR) {
          check(name, message);
          if (message.sequence() == last) {
            return;
          }
        }
      }
    }
  }

  private byte[] batchMark(int type) {
    return new NetlinkWriter(type, 0)
        .u8(0)
        .u8(0)
        .u8(0) // The subsystem in the byte order of the network.
        .u8(NFNL_SUBSYS_NFTABLES)
        .toBytes(++sequence);
  }

  /** Lists all entries, again if the list changed meanwhile. */
  synchronized List<NetlinkMessage> dump(String name, NetlinkWriter request) throws IOException {
    for (int attempt = 1; ; attempt++) {
      List<NetlinkMessage> answers = new ArrayList<>();
      boolean consistent = dumpOnce(name, request, answers);
      if (consistent || attempt == DUMP_ATTEMPTS) {
        return answers;
      }
    }
  }

  private boolean dumpOnce(String name, NetlinkWriter request, List<NetlinkMessage> answers)
      throws IOException {
    int asked = send(name, request);
    boolean consistent = true;
    while (true) {
      for (NetlinkMessage message : receive(name)) {
        if (message.sequence() != asked) {
          continue;
        }
        consistent &= (message.flags() & NetlinkMessage.NLM_F_DUMP_INTR) == 0;
        switch (message.type()) {
          case NetlinkMessage.NLMSG_ERROR -> check(name, message);
          case NetlinkMessage.NLMSG_DONE -> {
            check(name, message);
            return consistent;
          }
          default -> answers.add(message);
        }
      }
    }
  }

  private void check(String name, NetlinkMessage message) throws IOException {
    port = message.port();
    int errno = message.errno();
    if (errno != 0) {
      String explanation = message.explanation();
      throw explanation == null
          ? new ErrnoException(name, errno)
          : new ErrnoException(name, errno, explanation);
    }
  }

  private int send(String name, NetlinkWriter request) throws ErrnoException {
    send(name, request.toBytes(++sequence));
    return sequence;
  }

  private void send(String name, byte[] bytes) throws ErrnoException {
    if (closed) {
      throw new ErrnoException(name, Errno.EBADF);
    }
    if (bytes.length > buffer.byteSize()) {
      throw new ErrnoException(name, Errno.EMSGSIZE);
    }
    MemorySegment.copy(bytes, 0, buffer, JAVA_BYTE, 0, bytes.length);
    // Without an address a netlink socket sends to the kernel.
    long sent = LIBC.sendto(fd, buffer.address(), bytes.length, 0, 0, 0);
    ErrnoException.check(name, (int) sent);
  }

  /** The messages of one datagram; waits for it. */
  private List<NetlinkMessage> receive(String name) throws IOException {
    if (!Poll.readable(ANSWER_MILLIS, fd)) {
      throw new ErrnoException(name, ETIMEDOUT);
    }
    return receiveNow(name);
  }

  /** The messages of a datagram that has arrived already, copied out of the buffer. */
  synchronized List<NetlinkMessage> receiveNow(String name) throws IOException {
    if (closed) {
      throw new ErrnoException(name, Errno.EBADF);
    }
    int bytes;
    do {
      prepareMessage();
      bytes = (int) LIBC.recvmsg(fd, message.address(), LibC.MSG_TRUNC);
    } while (bytes < 0 && Errno.last() == Errno.EINTR);
    ErrnoException.check(name, bytes);
    if (bytes > RECEIVE_BYTES) {
      throw new ErrnoException(name, Errno.EMSGSIZE);
    }
    byte[] copy = buffer.asSlice(0, bytes).toArray(JAVA_BYTE);
    return NetlinkMessage.parse(ByteBuffer.wrap(copy), namespace());
  }

  private void prepareMessage() {
    message.fill((byte) 0);
    message.set(JAVA_LONG_UNALIGNED, MSG_IOV, message.address() + MSGHDR);
    message.set(JAVA_LONG_UNALIGNED, MSG_IOVLEN, 1);
    message.set(JAVA_LONG_UNALIGNED, MSG_CONTROL, message.address() + MSGHDR + IOVEC);
    message.set(JAVA_LONG_UNALIGNED, MSG_CONTROLLEN, CONTROL_ROOM);
    message.set(JAVA_LONG_UNALIGNED, MSGHDR, buffer.address());
    message.set(JAVA_LONG_UNALIGNED, MSGHDR + 8, RECEIVE_BYTES);
  }

  /**
   * The namespace of the datagram that was just received. The kernel sends no other control
   * message.
   */
  private int namespace() {
    MemorySegment control = message.asSlice(MSGHDR + IOVEC, CONTROL_ROOM);
    boolean elsewhere =
        message.get(JAVA_LONG_UNALIGNED, MSG_CONTROLLEN) >= CMSG_DATA + Integer.BYTES
            && control.get(JAVA_INT_UNALIGNED, CMSG_LEVEL) == SOL_NETLINK
            && control.get(JAVA_INT_UNALIGNED, CMSG_TYPE) == NETLINK_LISTEN_ALL_NSID;
    return elsewhere ? control.get(JAVA_INT_UNALIGNED, CMSG_DATA) : NetlinkMessage.HERE;
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      LIBC.close(fd);
      arena.close();
    }
  }
}
