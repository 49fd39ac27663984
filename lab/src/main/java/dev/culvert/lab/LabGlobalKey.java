// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.tunnel.esp.global.KeyFile;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;

/** All nodes have the same key of ESP, each in a file of its own. */
public final class LabGlobalKey implements LabKeys {
  private static final int KEY_BYTES = 16;

  LabGlobalKey() {}

  /** The key file of the gateway of {@code site}. */
  public static Path file(LabSite site, Path folder) {
    return folder.resolve(site.nodeName() + ".esp");
  }

  @Override
  public void make(LabSite site, Path folder) {
    Path first = folder.resolve("first.esp");
    if (!Files.exists(first)) {
      LabFiles.writePrivate(first, newKey(1));
    }
    LabFiles.writePrivate(file(site, folder), LabFiles.read(first));
  }

  @Override
  public void lose(LabSite site, Path folder) {
    LabFiles.writePrivate(file(site, folder), newKey(2));
  }

  @Override
  public void republish(LabSite site, Path folder, String publicKey) throws IOException {
    String lines = LabFiles.read(file(site, folder));
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.esp")) {
      for (Path file : files) {
        if (!LabFiles.read(file).contains(lines)) {
          LabFiles.writePrivate(file, LabFiles.read(file) + lines);
        }
      }
    }
  }

  @Override
  public String ofNode(LabSite site, Path folder) {
    return "";
  }

  @Override
  public String ofPeer(LabSite site, Path folder) {
    return "";
  }

  private static String newKey(int id) {
    return new String(KeyFile.newLine(id, KEY_BYTES, new SecureRandom()), US_ASCII);
  }
}
