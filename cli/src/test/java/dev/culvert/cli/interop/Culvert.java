package dev.culvert.cli.interop;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** How the tests start the command: the classes just built, or the launchers of the project. */
final class Culvert {
  private static final String MAIN = "dev.culvert.cli.Main";

  private Culvert() {}

  /** The command line of {@code culvert} with {@code arguments}, on the classes under test. */
  static List<String> command(String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                System.getProperty("java.home") + "/bin/java",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=4",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                MAIN));
    command.addAll(List.of(arguments));
    return command;
  }

  /** A file at the root of the project, as in {@code culvert-wg}. */
  static Path launcher(String name) {
    return Path.of(Objects.requireNonNull(System.getProperty("culvert.root")), name);
  }
}
