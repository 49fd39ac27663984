// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import dev.culvert.tunnel.kernel.ErrnoException;

/** The TUN device was removed: its descriptors are useless now. */
public final class DeviceGoneException extends ErrnoException {
  private static final long serialVersionUID = 1L;

  DeviceGoneException(String call, int errno) {
    super(call, errno, "the TUN device is gone");
  }
}
