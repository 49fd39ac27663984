package dev.culvert.tunnel.esp.global;

/** A key file that is refused as a whole. Says where and why, never what the key is. */
public final class KeyFileException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int line;

  /**
   * @param line from 1, or 0 for the file as a whole
   * @param key the key's id as it stands in the file, or empty
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

  /** From 1, or 0 for the file as a whole. */
  public int line() {
    return line;
  }
}
