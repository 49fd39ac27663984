// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

/** A key file was refused as a whole. The message has line and reason, never the key. */
public final class KeyFileException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int line;

  /**
   * @param line the line number from 1, or 0 for the file as a whole
   * @param key the key's id as the file has it, or empty
   */
  public KeyFileException(String file, int line, String key, String reason) {
    super(
        file
            + (line > 0 ? ":" + line : "")
            + ": "
            + (key.isEmpty() ? "" : "key " + key + ": ")
            + reason);
    this.line = line;
  }

  /** The line number from 1, or 0 for the file as a whole. */
  public int line() {
    return line;
  }
}
