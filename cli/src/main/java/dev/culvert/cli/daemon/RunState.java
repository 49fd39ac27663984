package dev.culvert.cli.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.routing.Prefix;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Which ranges are guarded, and for which interface, in {@code IFACE.guard}, a range a line. It
 * outlives the daemon as the guards do, so that {@code culvert down} can lift them; neither
 * outlives a reboot.
 */
public final class RunState {
  private static final String SUFFIX = ".guard";

  private final Path directory;

  public RunState(Path directory) {
    this.directory = directory;
  }

  private Path file(String interfaceName) {
    return directory.resolve(interfaceName + SUFFIX);
  }

  /** Whether {@code interfaceName} was brought up and not taken down since. */
  public boolean exists(String interfaceName) {
    return Files.exists(file(interfaceName));
  }

  /** The ranges that were guarded for {@code interfaceName}. */
  public SortedSet<Prefix> guarded(String interfaceName) throws IOException {
    SortedSet<Prefix> prefixes = new TreeSet<>();
    try {
      for (String line : Files.readAllLines(file(interfaceName))) {
        prefixes.add(Prefix.parse(line));
      }
    } catch (NoSuchFileException e) {
      return prefixes; // nothing was
    } catch (IllegalArgumentException e) {
      throw new IOException(file(interfaceName) + " was damaged: " + e.getMessage(), e);
    }
    return prefixes;
  }

  /** The ranges that are guarded for other interfaces too. */
  public Set<Prefix> guardedByOthers(String interfaceName) throws IOException {
    Set<Prefix> prefixes = new TreeSet<>();
    if (!Files.isDirectory(directory)) {
      return prefixes;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
      for (Path file : files) {
        String name = String.valueOf(file.getFileName());
        String other = name.substring(0, name.length() - SUFFIX.length());
        if (!other.equals(interfaceName)) {
          prefixes.addAll(guarded(other));
        }
      }
    }
    return prefixes;
  }

  /** Notes ranges before they are guarded. */
  void write(String interfaceName, Collection<Prefix> prefixes) throws IOException {
    Files.createDirectories(directory);
    StringBuilder text = new StringBuilder();
    prefixes.forEach(prefix -> text.append(prefix).append('\n'));
    Path half = directory.resolve("." + interfaceName + SUFFIX);
    Files.write(half, text.toString().getBytes(UTF_8));
    Files.move(half, file(interfaceName), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Forgets {@code interfaceName}. */
  public void delete(String interfaceName) throws IOException {
    Files.deleteIfExists(file(interfaceName));
  }
}
