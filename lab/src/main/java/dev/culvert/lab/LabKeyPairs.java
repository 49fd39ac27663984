// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.crypto.X25519;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Base64;

/** Each node has a key pair, and the other nodes know it by its public key. */
final class LabKeyPairs implements LabKeys {
  @Override
  public void make(LabSite site, Path folder) {
    byte[] privateKey = X25519.generatePrivateKey(new SecureRandom());
    Base64.Encoder base64 = Base64.getEncoder();
    LabFiles.writePrivate(privateKey(site, folder), base64.encodeToString(privateKey) + "\n");
    republish(site, folder, base64.encodeToString(X25519.publicKey(privateKey)));
  }

  @Override
  public void lose(LabSite site, Path folder) throws IOException {
    Files.delete(privateKey(site, folder)); // The start makes one.
  }

  @Override
  public void republish(LabSite site, Path folder, String publicKey) {
    LabFiles.writePrivate(publicKey(site, folder), publicKey);
  }

  @Override
  public String ofNode(LabSite site, Path folder) {
    return "identity: {privateKeyFile: " + privateKey(site, folder) + "}";
  }

  @Override
  public String ofPeer(LabSite site, Path folder) {
    return "publicKey: " + LabFiles.read(publicKey(site, folder));
  }

  private static Path privateKey(LabSite site, Path folder) {
    return folder.resolve(site.nodeName() + ".key");
  }

  private static Path publicKey(LabSite site, Path folder) {
    return folder.resolve(site.nodeName() + ".pub");
  }
}
