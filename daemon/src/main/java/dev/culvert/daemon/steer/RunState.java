// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.daemon.socket.OtherUserException;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Notes which gateways steer and guard, in {@code IFACE.guard}: the network namespace, then the
 * configuration file. The note outlives the daemon as the guard does, so that {@code culvert down}
 * can remove the guard; neither outlives a reboot.
 */
public final class RunState {
  private static final String SUFFIX = ".guard";

  /** The directory in which {@code ip netns} has its namespaces. */
  private static final Path NAMED = Path.of("/run/netns");

  private final Path directory;

  public RunState(Path directory) {
    this.directory = directory;
  }

  private Path file(String interfaceName) {
    return directory.resolve(interfaceName + SUFFIX);
  }

  /** The kernel's settings before {@code interfaceName} was brought up. */
  public FormerSettings settings(String interfaceName) {
    return new FormerSettings(directory.resolve(interfaceName + ".settings"));
  }

  /**
   * Whether {@code interfaceName} was brought up and not taken down since. In a folder that is
   * closed to this user it counts as brought up: reading it then tells why it cannot be known.
   */
  public boolean exists(String interfaceName) {
    return !Files.notExists(file(interfaceName));
  }

  /** Whether {@code interfaceName} was brought up in another network namespace than ours. */
  public boolean isElsewhere(String interfaceName) throws IOException {
    List<String> lines = read(interfaceName);
    return !lines.isEmpty() && !lines.getFirst().equals(namespace());
  }

  /**
   * The namespace in which {@code interfaceName} was brought up: its name in /run/netns if it has
   * one.
   */
  public String namespaceOf(String interfaceName) throws IOException {
    List<String> lines = read(interfaceName);
    String number = lines.isEmpty() ? "" : lines.getFirst();
    if (Files.isDirectory(NAMED)) {
      try (DirectoryStream<Path> names = Files.newDirectoryStream(NAMED)) {
        for (Path name : names) {
          if (number.equals("net:[" + Files.getAttribute(name, "unix:ino") + "]")) {
            return String.valueOf(name.getFileName());
          }
        }
      }
    }
    return number;
  }

  /** The configuration that {@code interfaceName} was brought up from last. */
  public Optional<Path> configuration(String interfaceName) throws IOException {
    List<String> lines = read(interfaceName);
    return lines.size() < 2 ? Optional.empty() : Optional.of(Path.of(lines.get(1)));
  }

  private List<String> read(String interfaceName) throws IOException {
    try {
      return Files.readAllLines(file(interfaceName));
    } catch (NoSuchFileException e) {
      return List.of(); // It is not up.
    } catch (AccessDeniedException e) {
      throw new OtherUserException(file(interfaceName));
    }
  }

  /**
   * This network namespace, as in {@code net:[4026531840]}. It is noted because all network
   * namespaces share the directory.
   */
  private static String namespace() throws IOException {
    return Files.readSymbolicLink(Path.of("/proc/self/ns/net")).toString();
  }

  /**
   * The other gateway that guards this network namespace, if any; a namespace has only one guard.
   */
  public Optional<String> guardedByOther(String interfaceName) throws IOException {
    if (!Files.isDirectory(directory)) {
      return Optional.empty();
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
      for (Path file : files) {
        String name = String.valueOf(file.getFileName());
        String other = name.substring(0, name.length() - SUFFIX.length());
        if (!other.equals(interfaceName) && !isElsewhere(other)) {
          return Optional.of(other);
        }
      }
    }
    return Optional.empty();
  }

  /** The gateways that are noted, of all network namespaces. */
  public Set<String> names() throws IOException {
    Set<String> names = new TreeSet<>();
    if (Files.isDirectory(directory)) {
      try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
        for (Path file : files) {
          String name = String.valueOf(file.getFileName());
          names.add(name.substring(0, name.length() - SUFFIX.length()));
        }
      }
    }
    return names;
  }

  /** Notes a gateway before it guards. */
  public void write(String interfaceName, Path configuration) throws IOException {
    Files.createDirectories(directory);
    String text = namespace() + "\n" + configuration.toAbsolutePath() + "\n";
    PrivateFile.replace(file(interfaceName), text.getBytes(UTF_8));
  }

  /** Forgets {@code interfaceName}. */
  public void delete(String interfaceName) throws IOException {
    Files.deleteIfExists(file(interfaceName));
  }
}
