// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * In place of systemd: runs a program, keeps the descriptors that it gives away, and starts it
 * again with them when it fails.
 */
public final class ServiceManagerProcess implements AutoCloseable {
  /** Debian's own. */
  public static final String PYTHON = "/usr/bin/python3";

  private static final Pattern STARTED =
      Pattern.compile("^manager: started (\\d+) with (\\d+)$", Pattern.MULTILINE);

  private final Daemon daemon;

  /**
   * Starts the program in a network namespace.
   *
   * @param folder in which nothing else is
   * @param keeps whether it keeps descriptors
   */
  public ServiceManagerProcess(
      Namespace namespace, Path folder, boolean keeps, List<String> program) throws IOException {
    Path script = folder.resolve("service_manager.py");
    try (InputStream text = ServiceManagerProcess.class.getResourceAsStream("service_manager.py")) {
      Files.copy(Objects.requireNonNull(text), script);
    }
    List<String> command =
        new ArrayList<>(
            List.of(PYTHON, script.toString(), folder.toString(), keeps ? "keep" : "ignore"));
    command.addAll(program);
    daemon = namespace.start(Map.of(), command);
  }

  /** The output of the manager and of its programs. */
  public String output() {
    return daemon.output();
  }

  /** Waits for a line of the manager's own. */
  public void await(String said) {
    daemon.awaitOutput("manager: " + said + "\n");
  }

  /**
   * Waits until the program was started so often.
   *
   * @return the number of descriptors that the last one was given
   */
  public int awaitStart(int times) {
    daemon.await(times + " starts", Commands.PATIENCE, () -> starts().size() >= times);
    return Integer.parseInt(starts().get(times - 1)[1]);
  }

  private List<String[]> starts() {
    List<String[]> starts = new ArrayList<>();
    Matcher matcher = STARTED.matcher(output());
    while (matcher.find()) {
      starts.add(new String[] {matcher.group(1), matcher.group(2)});
    }
    return starts;
  }

  /** Ends the program without a last word. */
  public void killProgram() {
    Commands.run("kill", "-KILL", starts().getLast()[0]);
  }

  @Override
  public void close() {
    daemon.close();
  }
}
