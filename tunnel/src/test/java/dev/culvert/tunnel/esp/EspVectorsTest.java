// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.testing.Vectors;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whole packets that another implementation sealed open, and are delivered as RFC 4303 says. */
final class EspVectorsTest {
  @ParameterizedTest
  @CsvSource({"esp/rfc7634.json, 1, 1", "esp/aes-gcm.json, 18, 16"})
  void packetsOfOthersOpenToTheirPlaintext(String file, int published, int forDelivery)
      throws IOException {
    int opened = 0;
    int delivered = 0;
    for (JsonNode vector : Vectors.json(file).required("vectors")) {
      delivered += open(vector) ? 1 : 0;
      opened++;
    }
    assertEquals(published, opened);
    assertEquals(forDelivery, delivered);
  }

  /** Opens the packet; whether its content was delivered. */
  private static boolean open(JsonNode vector) {
    EspStation bob = station("bob", vector, "destination", 2);
    EspStation alice = station("alice", vector, "source", 1);
    bob.knows(alice);
    bob.receiveUnder(alice, sa(vector, bob.selectors(alice)));
    bob.receive(alice.address, 0, Vectors.bytes(vector, "packet"));
    byte[] plain = Vectors.bytes(vector, "plain");
    MemorySegment found = bob.buffer.asSlice(bob.run.inner(0), plain.length);
    assertArrayEquals(plain, found.toArray(ValueLayout.JAVA_BYTE), vector::toString);

    DropReason refused =
        switch (plain[plain.length - 1]) {
          case EspFraming.NEXT_IPV4, EspFraming.NEXT_IPV6 -> null;
          case EspFraming.NEXT_NONE -> DropReason.DUMMY;
          default -> DropReason.MALFORMED;
        };
    assertEquals(refused == null ? Map.of() : Map.of(refused, 1L), bob.drops(), vector::toString);
    List<byte[]> inner = refused == null ? List.of(Vectors.bytes(vector, "inner")) : List.of();
    assertTrue(Arrays.deepEquals(inner.toArray(), bob.delivered.toArray()), vector::toString);
    return refused == null;
  }

  private static EspStation station(String name, JsonNode vector, String address, int number) {
    IpAddress inner = IpAddress.parse(vector.required(address).textValue());
    return new EspStation(name, inner, number);
  }

  private static SaParameters sa(JsonNode vector, Selectors selectors) {
    boolean esn = vector.required("esn").booleanValue();
    long end = esn ? SaParameters.LIMIT_64 : SaParameters.LIMIT_32;
    return new SaParameters(
        Integer.parseUnsignedInt(vector.required("spi").textValue(), 16),
        AeadAlgorithm.valueOf(vector.required("algorithm").textValue()),
        SecretBytes.owning(Vectors.bytes(vector, "key")),
        Integer.parseUnsignedInt(vector.required("salt").textValue(), 16),
        esn,
        Long.parseUnsignedLong(vector.required("sequence").textValue(), 16),
        end,
        end,
        selectors);
  }
}
