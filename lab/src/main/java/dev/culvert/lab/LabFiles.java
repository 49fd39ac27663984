// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.daemon.uapi.UapiServer;
import dev.culvert.lab.kubernetes.ControlPlane;
import dev.culvert.lab.net.LabException;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The files of a lab: a folder of keys and configurations, and the files that its gateways left.
 */
public final class LabFiles {
  private static final List<Path> RUN_FOLDERS =
      List.of(AdminServer.DIRECTORY, UapiServer.DIRECTORY);

  private LabFiles() {}

  /** A fresh folder for the lab's keys and configurations, which only we can read. */
  public static Path createFolder(long id) {
    Path folder = folder(id);
    try {
      Files.createDirectories(AdminServer.DIRECTORY);
      return Files.createDirectory(folder, PrivateFile.FOLDER_MODE);
    } catch (IOException e) {
      throw new LabException("cannot make " + folder + ": " + e.getMessage(), e);
    }
  }

  /**
   * Notes that the lab belongs to this process, so that no other run removes it while this process
   * lives.
   */
  static void claim(long id) {
    try {
      Files.createDirectories(AdminServer.DIRECTORY);
    } catch (IOException e) {
      throw new LabException("cannot make " + AdminServer.DIRECTORY + ": " + e.getMessage(), e);
    }
    LabOwner.self().write(ownerFile(id));
  }

  /** The process that the lab belongs to, if it is known. */
  static Optional<LabOwner> owner(long id) {
    return LabOwner.read(ownerFile(id));
  }

  private static Path ownerFile(long id) {
    return AdminServer.DIRECTORY.resolve(LabNetwork.PREFIX + id + ".owner");
  }

  private static Path folder(long id) {
    return AdminServer.DIRECTORY.resolve(LabNetwork.PREFIX + id);
  }

  /** The folder of the control plane, which deletes it when it ends. */
  public static Path controlPlane(Path folder) {
    return folder.resolve("control-plane");
  }

  /** Removes all files of the lab, also those that killed gateways left behind. */
  static void remove(long id) {
    try {
      for (String letter : LabNetwork.LETTERS) {
        for (Path runFolder : RUN_FOLDERS) {
          removeMatching(runFolder, LabNetwork.interfaceName(id, letter) + ".*");
        }
        Path state = Machine.local().stateDirectory(LabNetwork.interfaceName(id, letter));
        removeMatching(state, "*");
        Files.deleteIfExists(state);
      }
      ControlPlane.deleteFolder(controlPlane(folder(id)));
      removeMatching(folder(id), "*");
      Files.deleteIfExists(folder(id));
      Files.deleteIfExists(ownerFile(id));
    } catch (IOException e) {
      throw new LabException("cannot remove the files of lab " + id + ": " + e.getMessage(), e);
    }
  }

  /** Writes a file that only we can read. It is complete before it replaces another. */
  public static void writePrivate(Path file, String text) {
    try {
      PrivateFile.replace(file, text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void removeMatching(Path folder, String pattern) throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, pattern)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    }
  }
}
