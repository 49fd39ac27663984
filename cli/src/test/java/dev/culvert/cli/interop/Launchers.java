package dev.culvert.cli.interop;

import java.nio.file.Files;
import java.nio.file.Path;

/** The launchers at the root of the project. */
final class Launchers {
  private Launchers() {}

  /** The one word that wg-quick takes: a program that serves the interface it is given. */
  static String userspaceImplementation() {
    String given = System.getProperty("culvert.under.test");
    if (given != null) {
      return given.split(" ", 2)[0];
    }
    return launcher("culvert-wg");
  }

  /** The launcher of the command. */
  static String culvert() {
    return launcher("culvert");
  }

  private static String launcher(String name) {
    Path launcher = Culvert.launcher(name);
    Requirements.needs(Files.isExecutable(launcher), "no launcher " + launcher);
    return launcher.toString();
  }
}
