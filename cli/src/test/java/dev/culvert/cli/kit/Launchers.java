// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The launchers at the root of the project. */
public final class Launchers {
  private static final int DEPTH_OF_SOURCES = 12;

  private Launchers() {}

  /** The one word that wg-quick takes: a program that serves the interface it is given. */
  public static String userspaceImplementation() {
    String given = System.getProperty("culvert.under.test");
    if (given != null) {
      return given.split(" ", 2)[0];
    }
    return launcher("culvert-wg");
  }

  /** The command itself, as a user starts it from a checkout. */
  public static String culvert() {
    return launcher("culvert");
  }

  /** A launcher that builds would pull the classes away from under the tests. */
  private static String launcher(String name) {
    Path launcher = Culvert.launcher(name);
    Path built = Culvert.launcher("cli").resolve("target/dist/.built");
    Requirements.needs(
        Files.exists(built) && newestSource() <= built.toFile().lastModified(),
        "the launchers would build now; run ./culvert --version before, as ./run-tests does");
    return launcher.toString();
  }

  private static long newestSource() {
    try (Stream<Path> files = Files.walk(Culvert.launcher("."), DEPTH_OF_SOURCES)) {
      return files
          .filter(Files::isRegularFile)
          .filter(file -> file.toString().contains("/src/main/") || file.endsWith("pom.xml"))
          .filter(file -> !file.toString().contains("/target/"))
          .mapToLong(file -> file.toFile().lastModified())
          .max()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
