package dev.culvert.tunnel.kernel;

import java.io.IOException;

/** The kernel refused a call. The message names the call, never data that was given to it. */
public class ErrnoException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String call;
  private final int errno;

  /**
   * Explains with the C library's text.
   *
   * @param call what was asked of the kernel, as in {@code bind UDP port 51820}
   * @param errno the positive error number
   */
  public ErrnoException(String call, int errno) {
    this(call, errno, LibC.LIBC.strerror(errno));
  }

  /**
   * Explains with a reason of one's own.
   *
   * @param reason the explanation shown instead of the C library's text for {@code errno}
   */
  public ErrnoException(String call, int errno, String reason) {
    super(call + ": " + reason + " (errno " + errno + ")");
    this.call = call;
    this.errno = errno;
  }

  /** What was asked of the kernel. */
  public String call() {
    return call;
  }

  /** The positive error number, see {@link Errno}. */
  public int errno() {
    return errno;
  }

  /**
   * Passes a call's result on.
   *
   * @throws ErrnoException where it is negative
   */
  public static int check(String call, int result) throws ErrnoException {
    if (result < 0) {
      throw new ErrnoException(call, Errno.last());
    }
    return result;
  }
}
