// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.lab.net.Commands;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A userspace WireGuard with wireguard-go's contract.
 *
 * @param name for reports
 * @param command that serves the interface whose name follows, in the foreground
 */
public record Implementation(String name, List<String> command) {
  private static final String NEWEST = "golang.zx2c4.com/wireguard@latest";
  private static final Pattern GO_VERSION = Pattern.compile("go(\\d+)\\.(\\d+)");
  private static final int GO_MINOR = 23;

  @Override
  public String toString() {
    return name;
  }

  public List<String> serving(String interfaceName) {
    List<String> serving = new ArrayList<>(command);
    serving.add(interfaceName);
    return serving;
  }

  /**
   * The implementation under test: the classes just built, or the command line in the system
   * property {@code culvert.under.test}, to try the tests on another implementation.
   */
  public static Implementation underTest() {
    String command = System.getProperty("culvert.under.test");
    return command == null
        ? new Implementation("culvert", Culvert.compiled("wg", "-f"))
        : new Implementation("under test", List.of(command.split(" ")));
  }

  /** The peers to be compatible with: all that this machine has, at least one. */
  public static List<Implementation> peers() {
    List<Implementation> peers = new ArrayList<>();
    if (Commands.find("wireguard-go").isPresent()) {
      peers.add(packaged());
    }
    newestBuilt().ifPresent(peers::add);
    Requirements.needs(!peers.isEmpty(), "neither wireguard-go nor Go 1.23 is installed");
    return peers;
  }

  /** The distribution's wireguard-go. */
  public static Implementation packaged() {
    return new Implementation("wireguard-go-packaged", List.of("wireguard-go", "-f"));
  }

  /** The newest wireguard-go, built once per run; empty if Go is absent. */
  static Optional<Implementation> newestBuilt() {
    return Newest.BUILT;
  }

  private static final class Newest {
    static final Optional<Implementation> BUILT = hasGo() ? build() : Optional.empty();
  }

  private static boolean hasGo() {
    if (Commands.find("go").isEmpty()) {
      return false;
    }
    Matcher version = GO_VERSION.matcher(Commands.run("go", "version").out());
    return version.find()
        && (Integer.parseInt(version.group(1)) > 1
            || Integer.parseInt(version.group(2)) >= GO_MINOR);
  }

  private static Optional<Implementation> build() {
    String given = System.getProperty("culvert.peer.newest");
    if (given != null) {
      return Optional.of(new Implementation("wireguard-go-newest", List.of(given, "-f")));
    }
    Path folder = temporaryFolder();
    Path binary = folder.resolve("wireguard");
    Runtime.getRuntime().addShutdownHook(new Thread(() -> remove(binary, folder)));
    Commands.Result result =
        Commands.attempt(
            Duration.ofMinutes(5),
            Map.of("GOBIN", folder.toString()),
            List.of("go", "install", NEWEST));
    if (!result.succeeded()) {
      Requirements.absent("the newest wireguard-go could not be built: " + result.err());
      return Optional.empty();
    }
    return Optional.of(new Implementation("wireguard-go-newest", List.of(binary.toString(), "-f")));
  }

  private static Path temporaryFolder() {
    try {
      return Files.createTempDirectory("wireguard-go-newest");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void remove(Path... paths) {
    for (Path path : paths) {
      path.toFile().delete();
    }
  }
}
