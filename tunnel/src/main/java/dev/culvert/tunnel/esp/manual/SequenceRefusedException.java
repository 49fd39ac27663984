// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.manual;

import org.jspecify.annotations.Nullable;

/** Thrown if numbers of a manual key cannot be proved to be unused, so that none may be used. */
public final class SequenceRefusedException extends Exception {
  private static final long serialVersionUID = 1L;

  public SequenceRefusedException(String reason, @Nullable Throwable cause) {
    super(reason, cause);
  }

  public SequenceRefusedException(String reason) {
    this(reason, null);
  }
}
