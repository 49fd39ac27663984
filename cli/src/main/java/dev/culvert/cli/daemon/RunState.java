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
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Which ranges are guarded, and for which interface, in {@code IFACE.guard}: the network namespace,
 * then a range a line. It outlives the daemon as the guards do, so that {@code culvert down} can
 * lift them; neither outlives a reboot.
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

  /** Whether {@code interfaceName} was brought up in another network namespace than ours. */
  public boolean isElsewhere(String interfaceName) throws IOException {
    if (!exists(interfaceName)) {
      return false;
    }
    List<String> lines = Files.readAllLines(file(interfaceName));
    return lines.isEmpty() || !lines.getFirst().equals(namespace());
  }

  /** The ranges that were guarded for {@code interfaceName}, in this network namespace. */
  public SortedSet<Prefix> guarded(String interfaceName) throws IOException {
    SortedSet<Prefix> prefixes = new TreeSet<>();
    try {
      List<String> lines = Files.readAllLines(file(interfaceName));
      if (lines.isEmpty() || !lines.getFirst().equals(namespace())) {
        return prefixes; // guards that are elsewhere
      }
      for (String line : lines.subList(1, lines.size())) {
        prefixes.add(Prefix.parse(line));
      }
    } catch (NoSuchFileException e) {
      return prefixes; // nothing was
    } catch (IllegalArgumentException e) {
      throw new IOException(file(interfaceName) + " was damaged: " + e.getMessage(), e);
    }
    return prefixes;
  }

  /** As in {@code net:[4026531840]}: the directory is shared by all network namespaces. */
  private static String namespace() throws IOException {
    return Files.readSymbolicLink(Path.of("/proc/self/ns/net")).toString();
  }

  /** The ranges that are guarded for other interfaces of this network namespace too. */
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
    StringBuilder text = new StringBuilder(namespace()).append('\n');
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
