// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.fake;

import dev.culvert.cluster.resource.Condition;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.Metadata;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/** Objects for tests. */
public final class Samples {
  private Samples() {}

  public static Metadata metadata(String name, long version) {
    return new Metadata(
        name,
        null,
        "uid-" + name,
        Long.toString(version),
        1,
        "2026-11-29T00:00:00Z",
        null,
        Map.of(),
        Map.of(),
        List.of());
  }

  /** A key that is the same for the same seed. */
  public static String key(String seed) {
    byte[] key = Arrays.copyOf(seed.getBytes(StandardCharsets.UTF_8), 32);
    return Base64.getEncoder().encodeToString(key);
  }

  /** An accepted node with one range and one address, made of {@code index}. */
  public static CulvertNode node(int index) {
    String name = "node-" + index;
    return node(
        metadata(name, index + 1L),
        key(name),
        List.of("10.%d.%d.0/24".formatted(index / 250, index % 250)),
        List.of("192.168.%d.%d".formatted(index / 250, index % 250 + 1)));
  }

  public static CulvertNode node(
      Metadata metadata, String key, List<String> ranges, List<String> addresses) {
    List<String> endpoints =
        addresses.stream().map(a -> (a.indexOf(':') < 0 ? a : "[" + a + "]") + ":51820").toList();
    return new CulvertNode(
        metadata,
        new CulvertNode.Spec("uid-" + metadata.name(), "wireguard", key, null, endpoints, null),
        new CulvertNode.Status(
            CulvertNode.Phase.ACCEPTED,
            "wireguard",
            key,
            null,
            endpoints,
            ranges,
            addresses,
            List.of("worker"),
            Map.of(),
            List.of(
                new Condition(
                    "KeyAccepted", "True", "FirstKey", null, "2026-11-29T00:00:00Z", 1L))));
  }
}
