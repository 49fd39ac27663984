// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import jnr.ffi.LastError;
import jnr.ffi.Runtime;

/**
 * Linux's error numbers, which are equal on x86_64 and aarch64; only those that the code compares
 * with.
 */
public final class Errno {
  public static final int EPERM = 1;
  public static final int ENOENT = 2;
  public static final int ESRCH = 3;
  public static final int EINTR = 4;
  public static final int EIO = 5;
  public static final int ENXIO = 6;
  public static final int EBADF = 9;
  public static final int EAGAIN = 11;
  public static final int EACCES = 13;
  public static final int EBUSY = 16;
  public static final int EEXIST = 17;
  public static final int ENODEV = 19;
  public static final int EINVAL = 22;
  public static final int EPIPE = 32;
  public static final int ELOOP = 40;
  public static final int EBADFD = 77;
  public static final int EMSGSIZE = 90;
  public static final int EPROTOTYPE = 91;
  public static final int ENOPROTOOPT = 92;
  public static final int EOPNOTSUPP = 95;
  public static final int EAFNOSUPPORT = 97;
  public static final int EADDRINUSE = 98;
  public static final int EADDRNOTAVAIL = 99;
  public static final int ENETDOWN = 100;
  public static final int ENETUNREACH = 101;
  public static final int ECONNRESET = 104;
  public static final int ENOBUFS = 105;
  public static final int ECONNREFUSED = 111;
  public static final int EHOSTUNREACH = 113;

  private static final Runtime RUNTIME = Runtime.getRuntime(LibC.LIBC);

  private Errno() {}

  /** The error number of this thread's latest failed call through {@link LibC}. */
  public static int last() {
    return LastError.getLastError(RUNTIME);
  }
}
