// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.io.IOException;

/** The kernel refused a call. The message names the call, never the data passed to it. */
public class ErrnoException extends IOException {
  private static final long serialVersionUID = 1L;

  private final int errno;

  /**
   * An exception with the C library's text for {@code errno}.
   *
   * @param call the call and its object, such as {@code bind UDP port 51820}
   * @param errno the positive error number
   */
  public ErrnoException(String call, int errno) {
    this(call, errno, LibC.LIBC.strerror(errno));
  }

  /**
   * An exception with the given reason.
   *
   * @param reason the explanation shown instead of the C library's text for {@code errno}
   */
  public ErrnoException(String call, int errno, String reason) {
    super(call + ": " + reason + " (errno " + errno + ")");
    this.errno = errno;
  }

  /** The positive error number, see {@link Errno}. */
  public int errno() {
    return errno;
  }

  /**
   * Returns a call's result if it is a success.
   *
   * @throws ErrnoException if {@code result} is negative
   */
  public static int check(String call, int result) throws ErrnoException {
    if (result < 0) {
      throw new ErrnoException(call, Errno.last());
    }
    return result;
  }
}
