// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import java.io.File;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** A program that runs until it is stopped, with its output. */
public final class Daemon implements AutoCloseable {
  private static final Duration GRACE = Duration.ofSeconds(5);

  private final List<String> command;
  private final Process process;
  private final Commands.Output output;

  private Daemon(List<String> command, Process process) {
    this.command = command;
    this.process = process;
    this.output = new Commands.Output(process.getInputStream());
  }

  /**
   * Starts a program. Its standard output and standard error are kept, mixed.
   *
   * @param environment added to ours
   */
  public static Daemon start(Map<String, String> environment, List<String> command) {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectInput(new File("/dev/null")).redirectErrorStream(true);
    builder.environment().putAll(environment);
    try {
      return new Daemon(command, builder.start());
    } catch (IOException e) {
      throw new LabException("cannot start " + command.getFirst() + ": " + e.getMessage(), e);
    }
  }

  public long pid() {
    return process.pid();
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  /** The program's output so far. */
  public String output() {
    return output.text();
  }

  /**
   * Waits until {@code condition} holds.
   *
   * @throws LabException with the program's output, if the program or the patience ended before
   */
  public void await(String what, Duration patience, BooleanSupplier condition) {
    boolean held = Waiting.until(patience, () -> condition.getAsBoolean() || !process.isAlive());
    if (!held || !condition.getAsBoolean()) {
      throw new LabException(
          "%s: %s while waiting for %s:%n%s"
              .formatted(
                  String.join(" ", command),
                  process.isAlive() ? "still running" : "ended with " + process.exitValue(),
                  what,
                  output()));
    }
  }

  /** Waits for a word in the program's output. */
  public void awaitOutput(String word) {
    await("'" + word + "'", Commands.PATIENCE, () -> output().contains(word));
  }

  /** Waits for a complete line that begins with {@code beginning}, and returns the rest of it. */
  public String awaitLine(String beginning) {
    await("'" + beginning + "'", Commands.PATIENCE, () -> lineOf(output(), beginning).isPresent());
    return lineOf(output(), beginning).orElseThrow();
  }

  /** The rest of the first complete line that begins with {@code beginning}. */
  public static Optional<String> lineOf(String output, String beginning) {
    return output
        .substring(0, output.lastIndexOf('\n') + 1)
        .lines()
        .filter(line -> line.startsWith(beginning))
        .map(line -> line.substring(beginning.length()))
        .findFirst();
  }

  /**
   * Waits for the program's end, and returns its exit code.
   *
   * @throws LabException if it still runs after {@code patience}
   */
  public int awaitEnd(Duration patience) {
    await("its end", patience, () -> !process.isAlive());
    try {
      output.await(Commands.LAST_WORDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return process.exitValue();
  }

  /**
   * Sends a signal.
   *
   * @param name as in {@code HUP}
   */
  public void signal(String name) {
    Commands.run("kill", "-" + name, Long.toString(process.pid()));
  }

  /**
   * Ends the program and all processes that it started: politely, and after a grace period by
   * force.
   */
  @Override
  public void close() {
    List<ProcessHandle> tree = process.descendants().toList();
    process.toHandle().destroy(); // Process.destroy() would cut off its last output.
    try {
      if (!process.waitFor(GRACE.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        process.waitFor(GRACE.toMillis(), TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    tree.forEach(ProcessHandle::destroyForcibly);
  }
}
