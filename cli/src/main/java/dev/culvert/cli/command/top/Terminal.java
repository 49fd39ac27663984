// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.top;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** The terminal of this process, with keys read one by one until it is closed. */
final class Terminal implements AutoCloseable {
  private static final File TTY = new File("/dev/tty");
  private static final String ALTERNATE = "\033[?1049h\033[?25l";
  private static final String NORMAL = "\033[?25h\033[?1049l";

  /**
   * The size of a terminal in characters.
   *
   * @param rows at least 1
   * @param columns at least 1
   */
  record Size(int rows, int columns) {
    static final Size USUAL = new Size(24, 80);
  }

  private final InputStream keys;
  private final String before;

  private Terminal(InputStream keys, String before) {
    this.keys = keys;
    this.before = before;
  }

  /**
   * Takes the terminal over.
   *
   * @throws IOException if this process has none
   */
  static Terminal open() throws IOException {
    String before = stty("-g").strip();
    Terminal terminal = new Terminal(new FileInputStream(TTY), before);
    stty("-icanon", "-echo", "min", "0", "time", "1");
    System.out.print(ALTERNATE);
    System.out.flush();
    return terminal;
  }

  /** The present size, which changes when the window does. */
  Size size() throws IOException {
    String[] words = stty("size").strip().split(" ", -1);
    int rows = words.length == 2 ? Integer.parseInt(words[0]) : 0;
    int columns = words.length == 2 ? Integer.parseInt(words[1]) : 0;
    return rows > 0 && columns > 0 ? new Size(rows, columns) : Size.USUAL;
  }

  /** The key that was pressed, after a tenth of a second at most; 0 if none was. */
  int key() throws IOException {
    return Math.max(0, keys.read());
  }

  private static String stty(String... arguments) throws IOException {
    String[] command = new String[arguments.length + 1];
    command[0] = "stty";
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    Process process = new ProcessBuilder(command).redirectInput(TTY).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    String error = new String(process.getErrorStream().readAllBytes(), StandardCharsets.US_ASCII);
    try {
      if (process.waitFor() != 0) {
        throw new IOException("the terminal cannot be used: " + error.strip());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    return out;
  }

  /** Gives the terminal back as it was. */
  @Override
  public void close() throws IOException {
    System.out.print(NORMAL);
    System.out.flush();
    keys.close();
    stty(before);
  }
}
