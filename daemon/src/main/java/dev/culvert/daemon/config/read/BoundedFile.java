// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.Place;
import dev.culvert.tunnel.state.Credentials;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Reads whole files of a limited length. */
final class BoundedFile {
  private BoundedFile() {}

  static byte[] read(Place place, Path path, int maxBytes) throws IOException, ConfigException {
    try (var in = Files.newInputStream(path)) {
      byte[] bytes = in.readNBytes(maxBytes + 1);
      if (bytes.length > maxBytes) {
        throw place.error(path + " is larger than " + maxBytes + " bytes");
      }
      return bytes;
    }
  }

  /**
   * Reads a file that holds secrets, and refuses it if users other than its owner can use it. The
   * caller wipes the result.
   */
  static byte[] readSecret(Place place, Path path, int maxBytes) throws ConfigException {
    try {
      return PrivateFile.read(path, maxBytes);
    } catch (PrivateFile.RefusedException e) {
      throw place.error(path + ": " + e.reason());
    } catch (NoSuchFileException e) {
      throw place.error(
          Credentials.isOne(path) ? Credentials.missing(path) : "file " + path + " does not exist");
    } catch (AccessDeniedException e) {
      throw place.error(
          path
              + " may not be read by this user ("
              + System.getProperty("user.name")
              + "): chown it, or give it as a credential of the unit");
    } catch (IOException e) {
      throw place.error("cannot read " + path + ": " + e.getMessage());
    }
  }
}
