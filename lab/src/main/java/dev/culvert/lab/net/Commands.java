// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Runs programs to their end. */
public final class Commands {
  /** Long enough for any tool; a tool that takes longer hangs. */
  public static final Duration PATIENCE = Duration.ofSeconds(30);

  /** To read the output of a program that has ended. */
  static final Duration LAST_WORDS = Duration.ofSeconds(1);

  private static final long STEP_MILLIS = 200;

  private Commands() {}

  /**
   * The outcome of a program.
   *
   * @param exitCode 0 for success
   * @param out its standard output
   * @param err its standard error
   */
  public record Result(List<String> command, int exitCode, String out, String err) {
    public boolean succeeded() {
      return exitCode == 0;
    }

    /**
     * This result, if the program succeeded.
     *
     * @throws LabException with the command and its error output
     */
    public Result orThrow() {
      if (!succeeded()) {
        throw new LabException(
            "%s: exit code %d: %s%s"
                .formatted(String.join(" ", command), exitCode, err, out)
                .strip());
      }
      return this;
    }
  }

  /** Runs a program that must succeed. */
  public static Result run(String... command) {
    return attempt(PATIENCE, Map.of(), List.of(command)).orThrow();
  }

  /**
   * Runs a program, which may exit with any code.
   *
   * @param patience after which it is killed, on a machine at rest ({@link Crowd})
   * @param environment added to ours
   * @throws LabException if it cannot be started or ran out of time
   */
  public static Result attempt(
      Duration patience, Map<String, String> environment, List<String> command) {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectInput(new File("/dev/null"));
    builder.environment().putAll(environment);
    Process process;
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new LabException("cannot run " + command.getFirst() + ": " + e.getMessage(), e);
    }
    Output out = new Output(process.getInputStream());
    Output err = new Output(process.getErrorStream());
    try {
      if (!ends(process, patience)) {
        throw new LabException(
            "%s: did not end within %s: %s%s"
                .formatted(String.join(" ", command), patience, err.text(), out.text()));
      }
      // A daemon that the program left behind may hold the pipe open: do not wait for its end.
      out.await(LAST_WORDS);
      err.await(LAST_WORDS);
      return new Result(command, process.exitValue(), out.text(), err.text());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException("interrupted while running " + command.getFirst(), e);
    } finally {
      process.destroyForcibly();
    }
  }

  private static boolean ends(Process process, Duration patience) throws InterruptedException {
    Crowd.Patience left = new Crowd.Patience(patience);
    while (!process.waitFor(STEP_MILLIS, TimeUnit.MILLISECONDS)) {
      if (left.isOver()) {
        return false;
      }
    }
    return true;
  }

  /** The path of a program in PATH. */
  public static Optional<Path> find(String program) {
    String path = Optional.ofNullable(System.getenv("PATH")).orElse("/usr/bin:/bin");
    return Stream.concat(Stream.of(path.split(File.pathSeparator)), Stream.of("/usr/sbin", "/sbin"))
        .map(folder -> Path.of(folder, program))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** Gathers the output of a program while it runs. */
  static final class Output {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final Thread reader;

    Output(InputStream in) {
      // Reading a pipe holds a virtual thread's carrier: a few programs that say nothing would
      // keep all other readers waiting.
      reader = Thread.ofPlatform().daemon().start(() -> gather(in));
    }

    private void gather(InputStream in) {
      try (in) {
        in.transferTo(bytes);
      } catch (IOException e) {
        // Destroying a process closes the stream under its reader; the output before that is kept.
        bytes.writeBytes(("[" + e.getMessage() + "]").getBytes(StandardCharsets.UTF_8));
      }
    }

    String text() {
      return bytes.toString(StandardCharsets.UTF_8);
    }

    /**
     * Waits until all was read.
     *
     * @param patience on a machine at rest
     */
    void await(Duration patience) throws InterruptedException {
      reader.join(Crowd.stretched(patience));
    }
  }
}
