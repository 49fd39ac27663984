// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The token that readers of metrics give. The file is read for each reader, so that a new token
 * counts at once.
 */
final class BearerToken {
  private static final EventLog LOG = EventLog.of(BearerToken.class);
  private static final String SCHEME = "Bearer ";
  private static final int MAX_BYTES = 4096;

  private final Path file;

  BearerToken(Path file) {
    this.file = file;
  }

  /**
   * Whether the header {@code Authorization} has the token. No reader is let in while the file
   * cannot be used.
   */
  boolean allows(@Nullable String header) {
    if (header == null || !header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      return false;
    }
    byte[] text = {};
    byte[] token = {};
    try {
      text = PrivateFile.read(file, MAX_BYTES);
      token = strip(text);
      if (token.length == 0) {
        LOG.per("token")
            .error(LogEvent.TOKEN_UNUSABLE, "{} is empty: nobody can read the metrics", file);
        return false;
      }
      // The time that this takes does not depend on the place of the first difference.
      return MessageDigest.isEqual(token, header.substring(SCHEME.length()).getBytes(ISO_8859_1));
    } catch (PrivateFile.RefusedException e) {
      LOG.per("token")
          .error(
              LogEvent.TOKEN_UNUSABLE,
              "{}: {}: nobody can read the metrics",
              file,
              Field.reason(e.reason()));
      return false;
    } catch (IOException e) {
      LOG.per("token")
          .error(
              LogEvent.TOKEN_UNUSABLE,
              "{} cannot be read: {}: nobody can read the metrics",
              file,
              Field.reason(e));
      return false;
    } finally {
      Arrays.fill(text, (byte) 0);
      Arrays.fill(token, (byte) 0);
    }
  }

  private static byte[] strip(byte[] text) {
    int end = text.length;
    while (end > 0 && text[end - 1] <= ' ') {
      end--;
    }
    return Arrays.copyOf(text, end);
  }
}
