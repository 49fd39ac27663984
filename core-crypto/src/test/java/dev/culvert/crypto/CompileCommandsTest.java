// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * The JVM says nothing if a command of {@code bin/jvm/ciphers} names a method that is not there.
 */
class CompileCommandsTest {
  private static final Pattern COMMAND =
      Pattern.compile("-XX:CompileCommand=\\w+,([\\w.]+?)\\.?(\\w+|\\*)::(\\w+|\\*)(,[\\d.]+)?");

  @Test
  void eachNamesMethodsThatAreThere() throws IOException, ClassNotFoundException {
    List<String> commands =
        Files.readAllLines(Path.of(System.getProperty("culvert.root"), "bin/jvm/ciphers")).stream()
            .filter(line -> line.startsWith("-XX:CompileCommand=") && line.contains("::"))
            .toList();
    assertEquals(4, commands.size());
    for (String command : commands) {
      Matcher matcher = COMMAND.matcher(command);
      assertTrue(matcher.matches(), command);
      String wanted = matcher.group(3);
      String type = matcher.group(2).equals("*") ? "ChaCha20" : matcher.group(2);
      assertTrue(
          Arrays.stream(Class.forName(matcher.group(1) + "." + type).getDeclaredMethods())
              .anyMatch(method -> wanted.equals("*") || method.getName().equals(wanted)),
          command);
    }
  }
}
