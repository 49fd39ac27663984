// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

/** The state of another process that cannot be read. The message has no byte of it. */
public final class StateException extends Exception {
  private static final long serialVersionUID = 1L;

  public StateException(String message) {
    super(message);
  }

  public StateException(String message, Throwable cause) {
    super(message, cause);
  }
}
