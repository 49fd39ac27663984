package dev.culvert.cli.command;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** A file for secrets: nobody but its owner may read it, or put another in its place. */
final class SecretFile {
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rw-------");
  private static final Set<PosixFilePermission> OTHERS =
      PosixFilePermissions.fromString("---rwxrwx");
  private static final Set<PosixFilePermission> OTHERS_WRITE =
      PosixFilePermissions.fromString("----w--w-");

  private SecretFile() {}

  /**
   * Makes the file, or empties it.
   *
   * @throws CommandException where others could read it, or its folder lets others change what is
   *     in it; nothing was made or changed
   */
  static BufferedWriter open(Path file) throws IOException, CommandException {
    Path absolute = file.toAbsolutePath();
    Path folder = absolute.getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      throw refused(file, "its folder does not exist");
    }
    if (hasAny(attributes(folder.toRealPath()), OTHERS_WRITE)) {
      throw refused(file, "group or others can write to its folder");
    }
    Set<StandardOpenOption> how = Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
    if (Files.exists(absolute, LinkOption.NOFOLLOW_LINKS)) {
      PosixFileAttributes there = attributes(absolute);
      if (!there.isRegularFile()) {
        throw refused(file, "it is not a file");
      }
      if (hasAny(there, OTHERS)) {
        throw refused(file, "group or others can read it: chmod 600");
      }
      how = Set.of(StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING);
    }
    FileChannel channel =
        FileChannel.open(absolute, how, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
    return new BufferedWriter(Channels.newWriter(channel, StandardCharsets.US_ASCII));
  }

  private static PosixFileAttributes attributes(Path path) throws IOException {
    return Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
  }

  private static boolean hasAny(PosixFileAttributes file, Set<PosixFilePermission> forbidden) {
    return file.permissions().stream().anyMatch(forbidden::contains);
  }

  private static CommandException refused(Path file, String reason) {
    return new CommandException(ExitCode.FAILED, file + " is no place for secrets: " + reason);
  }
}
