// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The {@code nft} program, in the calling thread's network namespace. */
final class Nft {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private static final EventLog LOG = EventLog.of(Nft.class);

  private Nft() {}

  /**
   * {@code nft} refused, or is not installed. The message has the first line of its error output.
   */
  static final class NftException extends IOException {
    private static final long serialVersionUID = 1L;

    NftException(String message) {
      super(message);
    }
  }

  /** Applies {@code script} in one transaction: all of it or nothing. */
  static void load(String script) throws IOException {
    run(script, "-f", "-");
  }

  /**
   * Runs {@code nft}.
   *
   * @return its output
   */
  static String run(String input, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(
        find()
            .orElseThrow(() -> new NftException("nft is not installed: there is no guard"))
            .toString());
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    keepOnlyPath(builder.environment());
    // The child lives in the network namespace of the thread that starts it.
    Process process = builder.start();
    try {
      CompletableFuture<String> out = gather(process.getInputStream());
      CompletableFuture<String> err = gather(process.getErrorStream());
      try (OutputStream in = process.getOutputStream()) {
        in.write(input.getBytes(StandardCharsets.UTF_8));
      } catch (IOException e) {
        // nft ended before it had read all its input: its error output gives the reason.
        LOG.debug(LogEvent.NFT_CLOSED, "nft read no further: {}", Field.reason(e.getMessage()));
      }
      if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new NftException(
            "nft " + String.join(" ", arguments) + ": did not end within " + PATIENCE);
      }
      if (process.exitValue() != 0) {
        String words = err.join().strip();
        throw new NftException("nft " + String.join(" ", arguments) + ": " + words);
      }
      return out.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NftException("interrupted while nft ran");
    } finally {
      process.destroyForcibly();
    }
  }

  /**
   * Takes the variables away that are meant for this process alone: a child must not report to the
   * service manager in its name, nor know where its credentials are.
   */
  static void keepOnlyPath(Map<String, String> environment) {
    environment.keySet().retainAll(Set.of("PATH"));
  }

  private static CompletableFuture<String> gather(InputStream stream) {
    CompletableFuture<String> text = new CompletableFuture<>();
    // Reading a pipe would pin a virtual thread's carrier.
    Thread.ofPlatform()
        .daemon()
        .name("nft-output")
        .start(
            () -> {
              try (stream) {
                text.complete(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
              } catch (IOException e) {
                text.completeExceptionally(new UncheckedIOException(e));
              }
            });
    return text;
  }

  private static Optional<Path> find() {
    String path = Optional.ofNullable(System.getenv("PATH")).orElse("/usr/bin:/bin");
    return Stream.concat(Stream.of(path.split(File.pathSeparator)), Stream.of("/usr/sbin", "/sbin"))
        .map(folder -> Path.of(folder, "nft"))
        .filter(Files::isExecutable)
        .findFirst();
  }
}
