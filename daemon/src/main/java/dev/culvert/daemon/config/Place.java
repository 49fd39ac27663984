// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

/**
 * The place of a value in a configuration.
 *
 * @param file as the user named it
 * @param line counted from 1, 0 for the whole file
 * @param key as in {@code spec.peers[1].publicKey}, empty if there is none
 */
public record Place(String file, int line, String key) {
  /** {@code gateway.yaml:12: spec.peers[1].publicKey: REASON}. */
  public ConfigException error(String reason) {
    return new ConfigException(text(reason));
  }

  /** The text of {@link #error}, for a value that is not refused. */
  public String text(String reason) {
    String at = line == 0 ? file : file + ":" + line;
    return at + ": " + (key.isEmpty() ? "" : key + ": ") + reason;
  }

  /** {@code line 12}, for a message about another place in the same file. */
  public String lineText() {
    return "line " + line;
  }
}
