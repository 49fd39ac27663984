// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.daemon.testing.GatewayYaml;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A configuration is shown with its values and without its secrets; unknown types are secret. */
class RedactedConfigTest {
  private static final String PEER = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

  @TempDir private Path folder;

  /** A section that a later version could have. */
  public record Added(String name, String apiToken, Object later, Object bytes) {}

  @Test
  void aValueOfATypeThatIsNotKnownToBePublicIsLeftOut() {
    Object tree =
        RedactedConfig.tree(
            new Added("shown", "hidden", new AtomicReference<>("hidden"), new byte[] {1, 2}));
    assertEquals(
        Map.of(
            "name", "shown",
            "apiToken", "(redacted)",
            "later", "(redacted)",
            "bytes", "(redacted)"),
        tree);
    try (SecretBytes secret = SecretBytes.copyOf(new byte[32])) {
      assertEquals("(redacted)", RedactedConfig.tree(secret));
    }
  }

  private JsonNode shown(GatewayYaml yaml) throws Exception {
    String json = RedactedConfig.of(ConfigFile.open(yaml.write(folder.resolve("gw.yaml"))).parse());
    assertFalse(json.contains("@"), json); // the text of an object that has none
    return new ObjectMapper().readTree(json);
  }

  @Test
  void aFileOfPeersIsShown() throws Exception {
    JsonNode config =
        shown(
            GatewayYaml.of("cv0", "mtu: 1400", "addresses: [10.0.0.1/24]")
                .with("identity: {privateKeyFile: key}")
                .with("observability: {tokenFile: token}")
                .peers(
                    GatewayYaml.entry(
                        "b",
                        "publicKey: " + PEER,
                        "presharedKeyFile: psk",
                        "endpoint: '192.0.2.1:8'",
                        "allowedIps: [10.1.0.0/16]")));
    assertEquals(1400, config.get("mtu").asInt());
    assertEquals("10.0.0.1/24", config.get("addresses").get(0).asText());
    assertTrue(config.get("privateKey").get("file").asText().endsWith("/key"));
    assertTrue(config.get("observability").get("tokenFile").asText().endsWith("/token"));
    JsonNode peer = config.get("peers").get(0);
    assertEquals(PEER, peer.get("publicKey").asText());
    assertTrue(peer.get("presharedKey").get("file").asText().endsWith("/psk"));
    assertEquals("192.0.2.1:8", peer.get("endpoint").asText());
    assertEquals("10.1.0.0/16", peer.get("allowedIps").get(0).asText());
  }

  @Test
  void aFileOfNodesIsShown() throws Exception {
    JsonNode config =
        shown(
            GatewayYaml.of("cv0")
                .with("node: a", "clusterCIDRs: [10.42.0.0/16]", "identity: {privateKeyFile: key}")
                .nodes(
                    GatewayYaml.entry("a", "internal: [192.0.2.1]", "podCIDRs: [10.42.1.0/24]"),
                    GatewayYaml.entry(
                        "b",
                        "internal: [192.0.2.2]",
                        "podCIDRs: [10.42.2.0/24]",
                        "publicKey: " + PEER)));
    JsonNode map = config.get("cluster").get("map");
    assertEquals("10.42.0.0/16", map.get("clusterCidrs").get(0).asText());
    assertEquals(2, map.get("nodes").size());
    assertEquals("192.0.2.2", map.get("nodes").get(1).get("internal").get(0).asText());
  }
}
