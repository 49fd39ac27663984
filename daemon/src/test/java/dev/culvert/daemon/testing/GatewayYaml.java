// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The configuration file of a gateway, as tests need it. A setting is a key with its value on one
 * line, as in {@code mtu: 1400}; an empty one is left out.
 */
public final class GatewayYaml {
  private static final String API_VERSION = "apiVersion: culvert.dev/v1alpha1\n";

  private final List<String> lines = new ArrayList<>();

  private GatewayYaml() {}

  /** A gateway of this name, with settings of its interface. */
  public static GatewayYaml of(String name, String... link) {
    return new GatewayYaml().with("interface: " + entry(name, link));
  }

  /** Adds settings. */
  public GatewayYaml with(String... settings) {
    for (String setting : settings) {
      if (!setting.isEmpty()) {
        lines.add("  " + setting);
      }
    }
    return this;
  }

  /** Adds peers, each of them an {@link #entry}. */
  public GatewayYaml peers(String... entries) {
    return list("peers", entries);
  }

  /** Adds nodes, each of them an {@link #entry}. */
  public GatewayYaml nodes(String... entries) {
    return list("nodes", entries);
  }

  private GatewayYaml list(String key, String... entries) {
    lines.add("  " + key + ":");
    for (String entry : entries) {
      lines.add("    - " + entry);
    }
    return this;
  }

  /** A peer, a node or an interface. */
  public static String entry(String name, String... settings) {
    StringBuilder entry = new StringBuilder("{name: ").append(name);
    for (String setting : settings) {
      if (!setting.isEmpty()) {
        entry.append(", ").append(setting);
      }
    }
    return entry.append('}').toString();
  }

  /** The text of a file of nodes, each of them an {@link #entry}. */
  public static String nodesFile(String... entries) {
    StringBuilder text = new StringBuilder(API_VERSION).append("kind: Nodes\nnodes:\n");
    for (String entry : entries) {
      text.append("  - ").append(entry).append('\n');
    }
    return text.toString();
  }

  public String text() {
    return API_VERSION + "kind: Gateway\nspec:\n" + String.join("\n", lines) + "\n";
  }

  /** Writes the file, and returns it. */
  public Path write(Path file) throws IOException {
    return Files.writeString(file, text());
  }
}
