package dev.culvert.tunnel.esp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.engine.DropReason;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Whole packets that others sealed: draft-mcgrew-gcm-test-01. */
final class EspVectorsTest {
  private static final String FILE = "rfc4106/draft-mcgrew-gcm-test-01-esp.json";

  private static byte[] hex(JsonNode node, String field) {
    return HexFormat.of().parseHex(node.get(field).asText());
  }

  @Test
  void packetsOfOthersOpenToTheirPlaintext() throws IOException {
    Path file = Path.of(System.getProperty("culvert.vectors", "no-vectors"), FILE);
    assumeTrue(Files.exists(file), () -> "test vectors absent: " + FILE);
    int opened = 0;
    for (JsonNode vector : new ObjectMapper().readTree(file.toFile()).get("vectors")) {
      int spi = Integer.parseUnsignedInt(vector.get("spi").asText(), 16);
      long sequence = Long.parseUnsignedLong(vector.get("seq").asText(), 16);
      // No 192-bit keys here; SPI 0 is never on the wire, nor is the very last number.
      if (vector.get("keySize").asInt() == 192 || spi == 0 || sequence == SaParameters.LIMIT_64) {
        continue;
      }
      open(vector, spi, sequence);
      opened++;
    }
    assertEquals(11, opened);
  }

  private static void open(JsonNode vector, int spi, long sequence) {
    EspStation bob = new EspStation("bob", 2);
    EspStation alice = new EspStation("alice", 1);
    bob.knows(alice);
    boolean esn = vector.get("esn").asBoolean();
    long end = esn ? SaParameters.LIMIT_64 : SaParameters.LIMIT_32;
    bob.receiveUnder(
        alice,
        new SaParameters(
            spi,
            AeadAlgorithm.AES_GCM,
            SecretBytes.owning(hex(vector, "key")),
            Integer.parseUnsignedInt(vector.get("salt").asText(), 16),
            esn,
            sequence,
            end,
            end,
            bob.selectors(alice)));
    byte[] packet = hex(vector, "esp_packet");
    bob.receive(alice.address, 0, packet);
    byte[] plain = hex(vector, "plaintext_with_trailer");
    MemorySegment found = bob.buffer.asSlice(bob.run.inner(0), plain.length);
    assertArrayEquals(plain, found.toArray(ValueLayout.JAVA_BYTE), vector::toString);
    // Authenticated, but their next header is no IP version.
    assertEquals(Map.of(DropReason.MALFORMED, 1L), bob.drops(), vector::toString);
  }
}
