// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import java.io.IOException;

/** A device could not carry out a request; its state is as before. */
public final class DeviceException extends IOException {
  private static final long serialVersionUID = 1L;

  private final int errno;

  /**
   * @param errno the kernel's error number, positive, as the UAPI reports it negated
   */
  public DeviceException(String message, int errno) {
    super(message);
    this.errno = errno;
  }

  public DeviceException(String message, int errno, Throwable cause) {
    super(message, cause);
    this.errno = errno;
  }

  public int errno() {
    return errno;
  }
}
