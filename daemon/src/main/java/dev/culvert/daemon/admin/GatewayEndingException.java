// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import java.io.IOException;

/** A gateway that is about to end was asked. Its sockets are the last that go. */
public final class GatewayEndingException extends IOException {
  private static final long serialVersionUID = 1L;

  GatewayEndingException(String interfaceName) {
    super(interfaceName + " is about to end");
  }
}
