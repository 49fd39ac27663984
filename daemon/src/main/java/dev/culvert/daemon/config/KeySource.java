// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import dev.culvert.crypto.SecretBytes;
import java.nio.file.Path;

/** The source of a secret key. */
public sealed interface KeySource {
  /** A file that holds the key in base64, read when the gateway starts. */
  record InFile(Path path, Place place) implements KeySource {}

  /** The key itself, as wg(8)'s format holds it. */
  record Inline(SecretBytes key) implements KeySource {}
}
