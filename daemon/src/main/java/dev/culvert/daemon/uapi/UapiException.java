// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

/** An operation that is refused; nothing of it was applied. */
public final class UapiException extends Exception {
  private static final long serialVersionUID = 1L;

  /** I/O error: the operation was cut off. */
  public static final int EIO = 5;

  /** Invalid argument: a key or a value that does not exist. */
  public static final int EINVAL = 22;

  /** Protocol error: not a line of this protocol, or too long. */
  public static final int EPROTO = 71;

  private final int errno;

  /** Message too long: the operation is larger than the limit. */
  public static final int EMSGSIZE = 90;

  /**
   * @param message the reason, without any secret
   * @param errno positive, as the kernel counts
   */
  public UapiException(String message, int errno) {
    super(message);
    this.errno = errno;
  }

  static UapiException invalid(String message) {
    return new UapiException(message, EINVAL);
  }

  static UapiException protocol(String message) {
    return new UapiException(message, EPROTO);
  }

  public int errno() {
    return errno;
  }
}
