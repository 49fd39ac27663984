// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** How the tests start the command: the classes just built, or the launchers of the project. */
public final class Culvert {
  private static final String UNREHEARSED = "-Dculvert.start.rehearsal=0";

  private static final String MAIN = "dev.culvert.cli.Main";

  private Culvert() {}

  /**
   * The command line of {@code culvert} with {@code arguments}, on the classes under test. A
   * gateway of a test lives for seconds: the JVM's second compiler would double the processor time
   * that its start takes, and so would a rehearsal after the start. A rehearsal of a hot restart
   * gets only time that no other test wants.
   */
  public static List<String> command(String... arguments) {
    return command(
        List.of("-XX:TieredStopAtLevel=1", "-Dculvert.rehearsal=5", UNREHEARSED), arguments);
  }

  /** The same with both compilers, as users run it, for tests of many packets. */
  public static List<String> compiled(String... arguments) {
    return command(List.of(UNREHEARSED), arguments);
  }

  /** The same with a rehearsal after the start, however long it takes. */
  public static List<String> rehearsing(String... arguments) {
    return command(List.of("-Dculvert.start.rehearsal=600"), arguments);
  }

  /** Like {@link #command}, with hot restarts at once, for tests of hundreds of them. */
  public static List<String> unrehearsed(String... arguments) {
    return command(
        List.of("-XX:TieredStopAtLevel=1", "-Dculvert.rehearsal=0", UNREHEARSED), arguments);
  }

  private static List<String> command(List<String> options, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(System.getProperty("java.home") + "/bin/java");
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-Xmx192m"));
    command.add("-Dio.netty.jfr.enabled=false"); // as the launcher says
    command.add("--add-opens=java.base/com.sun.crypto.provider=ALL-UNNAMED");
    command.add("--add-exports=java.base/sun.security.util.math=ALL-UNNAMED");
    command.addAll(options);
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
            MAIN));
    command.addAll(List.of(arguments));
    return command;
  }

  /** A file at the root of the project, as in {@code culvert-wg}. */
  public static Path launcher(String name) {
    return Path.of(Objects.requireNonNull(System.getProperty("culvert.root")), name);
  }
}
