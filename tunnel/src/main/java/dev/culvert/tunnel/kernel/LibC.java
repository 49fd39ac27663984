// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import jnr.ffi.LibraryLoader;

/**
 * The calls of the C library that neither the JDK nor Netty makes for us, through jnr-ffi. Memory
 * is given by address ({@code MemorySegment.address()}); the caller keeps the segment reachable
 * until the call returns.
 *
 * <p>A negative result is a failure; {@link Errno#last} returns its number, and has to be called on
 * the same thread before the next call. {@code open}, {@code fcntl} and {@code ioctl} are variadic
 * in C: on Linux, x86_64 and aarch64 pass integer arguments of variadic and plain functions alike.
 *
 * <p>Constants are those of Linux's generic ABI, equal on x86_64 and aarch64. (The two differ in
 * O_DIRECT, O_DIRECTORY and O_LARGEFILE, none of which is used, and in {@link #O_NOFOLLOW}.)
 */
public interface LibC {
  LibC LIBC = LibraryLoader.create(LibC.class).failImmediately().load("c");

  int AF_UNIX = 1;
  int AF_INET = 2;
  int AF_INET6 = 10;
  int AF_NETLINK = 16;
  int AF_PACKET = 17;
  int SOCK_STREAM = 1;
  int SOCK_DGRAM = 2;
  int SOCK_RAW = 3;
  int SOCK_SEQPACKET = 5;
  int SOCK_NONBLOCK = 0x800;
  int SOCK_CLOEXEC = 0x80000;
  int MSG_TRUNC = 0x20;
  int MSG_DONTWAIT = 0x40;
  int MSG_CTRUNC = 8;
  int MSG_NOSIGNAL = 0x4000;
  int MSG_CMSG_CLOEXEC = 0x4000_0000;

  int O_RDONLY = 0;
  int O_RDWR = 2;
  int O_CREAT = 0x40;
  int O_NONBLOCK = 0x800;
  int O_NOFOLLOW = System.getProperty("os.arch").equals("aarch64") ? 0x8000 : 0x20000;
  int O_CLOEXEC = 0x80000;

  int EFD_NONBLOCK = 0x800;
  int EFD_CLOEXEC = 0x80000;
  short POLLIN = 1;
  short POLLOUT = 4;

  int LOCK_EX = 2;
  int LOCK_NB = 4;

  int PRIO_PROCESS = 0;

  int SCHED_OTHER = 0;
  int SCHED_IDLE = 5;

  int CLOCK_MONOTONIC = 1;

  long SIG_DFL = 0;

  int CLONE_NEWNET = 0x4000_0000;

  int open(String path, int flags, int mode);

  int close(int fd);

  int fcntl(int fd, int command, long argument);

  int memfd_create(String name, int flags);

  long pread(int fd, long buffer, long length, long offset);

  long pwrite(int fd, long buffer, long length, long offset);

  /** {@code struct statx} is the same on all architectures, unlike {@code struct stat}. */
  int statx(int directory, String path, int flags, int mask, long status);

  long read(int fd, long buffer, long length);

  long write(int fd, long buffer, long length);

  long writev(int fd, long iovecs, int count);

  int ioctl(int fd, long request, long argument);

  int socket(int family, int type, int protocol);

  int socketpair(int family, int type, int protocol, long fds);

  int bind(int fd, long address, int addressLength);

  int listen(int fd, int backlog);

  int accept4(int fd, long address, long addressLength, int flags);

  int shutdown(int fd, int how);

  int connect(int fd, long address, int addressLength);

  int getsockname(int fd, long address, long addressLength);

  int setsockopt(int fd, int level, int option, long value, int valueLength);

  int getsockopt(int fd, int level, int option, long value, long valueLength);

  /**
   * Only for sending without an address: jnr-ffi was seen to pass a sixth argument other than 0
   * wrongly.
   */
  long sendto(int fd, long buffer, long length, int flags, long address, int addressLength);

  long recv(int fd, long buffer, long length, int flags);

  long recvmsg(int fd, long message, int flags);

  long sendmsg(int fd, long message, int flags);

  int sendmmsg(int fd, long messages, int count, int flags);

  int recvmmsg(int fd, long messages, int count, int flags, long timeout);

  int poll(long pollFds, long count, int timeoutMillis);

  int eventfd(int initial, int flags);

  int clock_gettime(int clock, long time);

  int timerfd_create(int clock, int flags);

  int timerfd_settime(int fd, int flags, long newValue, long oldValue);

  int unshare(int flags);

  int flock(int fd, int operation);

  long signal(int number, long handler);

  int setpriority(int which, int who, int nice);

  int getpriority(int which, int who);

  /** Sets the policy of a thread; the array is a {@code struct sched_param}. */
  int sched_setscheduler(int thread, int policy, int[] priority);

  /** For system calls that have no function in the C library. */
  long syscall(long number, long first, long second, long third);

  /** The same with a fourth argument. */
  long syscall(long number, long first, long second, long third, long fourth);

  int geteuid();

  int getegid();

  String strerror(int errno);

  /** Returns 0, or a number for {@link #gai_strerror}; {@code service} is 0 for none. */
  int getaddrinfo(String node, long service, long hints, long result);

  void freeaddrinfo(long list);

  String gai_strerror(int error);
}
