// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.handover;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A hand-over that does not go on. */
public final class HandoverException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Why it does not go on. */
  enum Kind {
    /** The other process said why it does not. */
    REFUSED,
    /** The other process closed the connection, perhaps because it ended. */
    CLOSED,
    /** The other process said nothing in time. */
    SILENT,
    /** The other process said something that is not of the protocol. */
    GARBLED
  }

  private final Kind kind;

  HandoverException(Kind kind, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  Kind kind() {
    return kind;
  }
}
