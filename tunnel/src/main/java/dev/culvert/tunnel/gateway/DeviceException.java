// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A device could not carry out a request; its state is as before. */
public final class DeviceException extends IOException {
  private static final long serialVersionUID = 1L;

  private final int errno;
  private final boolean closed;

  /**
   * @param errno the kernel's error number, positive, as the UAPI reports it negated
   */
  public DeviceException(String message, int errno) {
    this(message, errno, null);
  }

  public DeviceException(String message, int errno, @Nullable Throwable cause) {
    this(message, errno, cause, false);
  }

  private DeviceException(String message, int errno, @Nullable Throwable cause, boolean closed) {
    super(message, cause);
    this.errno = errno;
    this.closed = closed;
  }

  /** The exception for a failed system call. */
  static DeviceException of(IOException e) {
    int errno = e instanceof ErrnoException known ? known.errno() : Errno.EIO;
    return new DeviceException(String.valueOf(e.getMessage()), errno, e);
  }

  /** The exception for a predecessor's state that cannot be read. */
  public static DeviceException unreadable(StateException e) {
    return new DeviceException(
        "the predecessor's state cannot be read: " + e.getMessage(), Errno.EINVAL, e);
  }

  /** The exception for a request to a device that is closed. */
  public static DeviceException closed() {
    return new DeviceException("the device is closed", Errno.ENODEV, null, true);
  }

  /** Whether the device is closed, so that it never carries out a request again. */
  public boolean isClosed() {
    return closed;
  }

  public int errno() {
    return errno;
  }
}
