// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.routing.plan.SysctlPlan;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Kernel settings as they were before a gateway set them, in {@code IFACE.settings}: one line per
 * setting with the key, the value that was found and the value that was set. The file outlives the
 * daemon, so that {@code culvert down} can restore the values.
 *
 * <p>The gateway's user can write the file, and root may run {@code culvert down}. So only settings
 * that a plan changes are restored, and only to whole numbers: another setting may name a program
 * that the kernel runs as root. {@code ops/debian/postrm} has the same rule.
 */
public final class FormerSettings {
  /** A line with a setting that a plan changes; no device has a name that is left out. */
  private static final Pattern LINE =
      Pattern.compile(
          "net/ipv4/conf/(?!(?:\\.|\\.\\.|all|default)/)[^/\\s]+/src_valid_mark"
              + " [0-9]{1,10} [0-9]{1,10}");

  private final Path file;

  FormerSettings(Path file) {
    this.file = file;
  }

  private record Change(String before, String set) {
    String line(String key) {
      return key + " " + before + " " + set;
    }
  }

  /**
   * Notes the settings that will change, before they do. A value that was noted once stays, since
   * at the next start the kernel has our value. A setting that would be refused later is not noted.
   *
   * @throws IOException if the file has a line that is refused
   */
  public void remember(List<SysctlPlan> settings, Network network) throws IOException {
    List<Integer> refused = new ArrayList<>();
    Map<String, Change> changes = read(refused);
    requireNone(refused, "delete the file");
    int known = changes.size();
    for (SysctlPlan setting : settings) {
      String now = network.setting(setting.key()).orElse(setting.value());
      Change change = new Change(now, setting.value());
      if (!now.equals(setting.value()) && LINE.matcher(change.line(setting.key())).matches()) {
        changes.putIfAbsent(setting.key(), change);
      }
    }
    if (changes.size() > known) {
      write(changes);
    }
  }

  /**
   * Restores the settings that were not changed since, and forgets all of them.
   *
   * @throws IOException if lines were refused; all others are restored
   */
  public void restore(Network network) throws IOException {
    List<Integer> refused = new ArrayList<>();
    for (Map.Entry<String, Change> entry : read(refused).entrySet()) {
      Change change = entry.getValue();
      if (network.setting(entry.getKey()).filter(change.set::equals).isPresent()) {
        network.setting(entry.getKey(), change.before);
      }
    }
    forget();
    requireNone(refused, "all others are restored, and the file is deleted");
  }

  /** Forgets the settings of a network namespace that is gone. */
  public void forget() throws IOException {
    Files.deleteIfExists(file);
  }

  /**
   * The settings in the file.
   *
   * @param refused gets the numbers of lines that are no settings of ours
   */
  private Map<String, Change> read(Collection<Integer> refused) throws IOException {
    Map<String, Change> changes = new TreeMap<>();
    int number = 0;
    try {
      for (String line : Files.readAllLines(file)) {
        number++;
        if (LINE.matcher(line).matches()) {
          String[] words = line.split(" ", -1);
          changes.put(words[0], new Change(words[1], words[2]));
        } else {
          refused.add(number);
        }
      }
    } catch (NoSuchFileException e) {
      return changes; // Nothing was changed.
    }
    return changes;
  }

  /** The message has no text of the lines, which another user may have written for a terminal. */
  private void requireNone(List<Integer> refused, String then) throws IOException {
    if (!refused.isEmpty()) {
      throw new IOException(
          file
              + ": lines "
              + refused
              + " are refused, since they are no settings of Culvert's with whole numbers; "
              + then);
    }
  }

  private void write(Map<String, Change> changes) throws IOException {
    String text =
        changes.entrySet().stream()
            .map(e -> e.getValue().line(e.getKey()) + "\n")
            .collect(Collectors.joining());
    PrivateFile.replace(file, text.getBytes(UTF_8));
  }
}
