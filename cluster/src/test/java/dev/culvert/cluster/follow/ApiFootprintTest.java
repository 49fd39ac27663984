// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.cluster.fake.FakeApiServer;
import dev.culvert.cluster.fake.Samples;
import dev.culvert.cluster.resource.ResourceKind;
import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Prints the cost of following 5,000 nodes for a process of its own: through the library as in a
 * pod, and through the JDK's HTTP client alone. docs/decisions has the figures.
 */
@Tag("soak")
class ApiFootprintTest {
  private static final int RUNS = 5;

  @Test
  void printsWhatFollowingCosts(@TempDir Path folder) throws Exception {
    Path keys = folder.resolve("keys.p12");
    Path ca = folder.resolve("ca.crt");
    keytool(
        "-genkeypair -alias api -keyalg EC -dname CN=api -ext san=ip:127.0.0.1 -storepass changeit"
            + " -keystore "
            + keys);
    keytool("-exportcert -rfc -alias api -storepass changeit -keystore " + keys + " -file " + ca);
    Path token = Files.writeString(folder.resolve("token"), "token");
    try (FakeApiServer server = new FakeApiServer(keys, "changeit")) {
      for (int i = 0; i < ApiFootprint.NODES; i++) {
        server.put(ResourceKind.CULVERT_NODES, "node-" + i, Samples.node(i));
      }
      TreeMap<String, List<String>> lines = new TreeMap<>();
      for (int run = 0; run < RUNS; run++) {
        for (String client : List.of("fabric8", "bare")) {
          String line = run(client, server, ca, token);
          System.out.println(line);
          lines.computeIfAbsent(client, c -> new ArrayList<>()).add(line);
        }
      }
      assertEquals(2, lines.size());
    }
  }

  private static String java(String program) {
    return Path.of(System.getProperty("java.home"), "bin", program).toString();
  }

  private static void keytool(String arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(java("keytool")));
    command.addAll(List.of(arguments.split(" ", -1)));
    assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor());
  }

  private static String run(String client, FakeApiServer server, Path ca, Path token)
      throws Exception {
    Process process =
        new ProcessBuilder(
                java("java"),
                "-XX:+UseSerialGC",
                "-Xms48m",
                "-Xmx192m",
                "-cp",
                System.getProperty("java.class.path"),
                ApiFootprint.class.getName(),
                client,
                server.uri().toString(),
                ca.toString(),
                token.toString())
            .redirectErrorStream(true)
            .start();
    try (BufferedReader out = process.inputReader()) {
      String last = "";
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        last = line;
      }
      assertEquals(0, process.waitFor(), last);
      return last;
    }
  }
}
