// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import java.nio.file.FileAlreadyExistsException;

/** A gateway, or another device, of that name runs: it stays as it is, and nothing was changed. */
public final class AlreadyRunsException extends FileAlreadyExistsException {
  private static final long serialVersionUID = 1;

  private final boolean gateway;

  AlreadyRunsException(String interfaceName, boolean gateway) {
    super(interfaceName);
    this.gateway = gateway;
  }

  /** Whether it is a gateway, which can be told to reload or to end. */
  public boolean isGateway() {
    return gateway;
  }
}
