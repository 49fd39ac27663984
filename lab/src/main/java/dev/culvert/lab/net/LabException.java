// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

/** The lab, or a tool that it needs, could not do what it was asked. The message says what. */
public final class LabException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public LabException(String message) {
    super(message);
  }

  public LabException(String message, Throwable cause) {
    super(message, cause);
  }
}
