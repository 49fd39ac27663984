// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.Place;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.state.Credentials;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.Objects;

/** A gateway's private key, which is made at the first start and kept from then on. */
final class Identity {
  private Identity() {}

  /** Makes the key in {@code source} if its file does not exist, except for a credential. */
  static void makeIfMissing(KeySource source, SecureRandom random) throws ConfigException {
    if (source instanceof KeySource.InFile(Path path, Place place)
        && !Credentials.isOne(path)
        && !Files.exists(path)) {
      try {
        create(path, random);
      } catch (IOException e) {
        throw place.error("cannot make the private key " + path + ": " + e);
      }
    }
  }

  /** The public key that belongs to a private one. */
  static PublicKey publicKey(SecretBytes privateKey) {
    byte[] bytes = privateKey.toByteArray();
    try {
      return PublicKey.of(X25519.publicKey(bytes));
    } finally {
      Arrays.fill(bytes, (byte) 0);
    }
  }

  /** Makes the key, if no other process makes it at the same moment. */
  private static void create(Path path, SecureRandom random) throws IOException {
    Path directory = Objects.requireNonNull(path.toAbsolutePath().getParent());
    Files.createDirectories(directory, PrivateFile.FOLDER_MODE);
    byte[] key = X25519.generatePrivateKey(random);
    byte[] text = Arrays.copyOf(Base64.getEncoder().encode(key), 45);
    text[44] = '\n';
    try {
      PrivateFile.create(path, text);
    } finally {
      Arrays.fill(key, (byte) 0);
      Arrays.fill(text, (byte) 0);
    }
  }
}
