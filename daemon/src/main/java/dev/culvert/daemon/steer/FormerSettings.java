// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.routing.plan.SysctlPlan;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Kernel settings as they were before a gateway set them, in {@code IFACE.settings}: one line per
 * setting with the key, the value that was found and the value that was set. The file outlives the
 * daemon, so that {@code culvert down} can restore the values.
 */
public final class FormerSettings {
  private final Path file;

  FormerSettings(Path file) {
    this.file = file;
  }

  private record Change(String before, String set) {}

  /**
   * Notes the settings that will change, before they do. A value that was noted once stays, since
   * at the next start the kernel has our value.
   */
  public void remember(List<SysctlPlan> settings, Network network) throws IOException {
    Map<String, Change> changes = read();
    int known = changes.size();
    for (SysctlPlan setting : settings) {
      String now = network.setting(setting.key()).orElse(setting.value());
      if (!now.equals(setting.value())) {
        changes.putIfAbsent(setting.key(), new Change(now, setting.value()));
      }
    }
    if (changes.size() > known) {
      write(changes);
    }
  }

  /** Restores the settings that were not changed since, and forgets all of them. */
  public void restore(Network network) throws IOException {
    for (Map.Entry<String, Change> entry : read().entrySet()) {
      Change change = entry.getValue();
      if (network.setting(entry.getKey()).filter(change.set::equals).isPresent()) {
        network.setting(entry.getKey(), change.before);
      }
    }
    forget();
  }

  /** Forgets the settings of a network namespace that is gone. */
  public void forget() throws IOException {
    Files.deleteIfExists(file);
  }

  private Map<String, Change> read() throws IOException {
    Map<String, Change> changes = new TreeMap<>();
    try {
      for (String line : Files.readAllLines(file)) {
        String[] words = line.split(" ", -1);
        if (words.length != 3) {
          throw new IOException(file + ": not a setting: " + line);
        }
        changes.put(words[0], new Change(words[1], words[2]));
      }
    } catch (NoSuchFileException e) {
      return changes; // Nothing was changed.
    }
    return changes;
  }

  private void write(Map<String, Change> changes) throws IOException {
    String text =
        changes.entrySet().stream()
            .map(e -> e.getKey() + " " + e.getValue().before + " " + e.getValue().set + "\n")
            .collect(Collectors.joining());
    PrivateFile.replace(file, text.getBytes(UTF_8));
  }
}
