// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

/** A failure of the lab, or of a tool that it needs. The message says which. */
public final class LabException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public LabException(String message) {
    super(message);
  }

  public LabException(String message, Throwable cause) {
    super(message, cause);
  }
}
