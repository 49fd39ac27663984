// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static dev.culvert.tunnel.testing.Vectors.bytes;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.noise.IndexTable;
import dev.culvert.tunnel.noise.NoiseHandshake;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.testing.Vectors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Handshake and allowed IPs answer as those of other implementations. */
final class VectorsTest {
  @Test
  void handshakeIsNoiseIkPsk2() throws IOException {
    JsonNode vector = Vectors.json("cacophony/cacophony.txt").required("vectors").required(0);
    byte[] prologue = bytes(vector, "init_prologue");
    byte[] psk = HexFormat.of().parseHex(vector.get("init_psks").get(0).asText());
    byte[] initiatorStatic = bytes(vector, "init_static");
    byte[] responderStatic = bytes(vector, "resp_static");
    byte[] initiatorPublic = X25519.publicKey(initiatorStatic);
    byte[] responderPublic = X25519.publicKey(responderStatic);
    assertArrayEquals(bytes(vector, "init_remote_static"), responderPublic);
    byte[] staticStatic = new byte[32];
    assertTrue(X25519.agree(initiatorStatic, responderPublic, staticStatic));
    JsonNode messages = vector.get("messages");
    NoiseHandshake initiator = new NoiseHandshake(Node.backend(), prologue, responderPublic);
    NoiseHandshake responder = new NoiseHandshake(Node.backend(), prologue, responderPublic);

    byte[] initiatorEphemeral = bytes(vector, "init_ephemeral");
    byte[] first = bytes(messages.get(0), "ciphertext");
    byte[] written = new byte[first.length];
    assertTrue(
        initiator.writeInitiation(
            initiatorEphemeral,
            X25519.publicKey(initiatorEphemeral),
            initiatorPublic,
            responderPublic,
            staticStatic,
            bytes(messages.get(0), "payload"),
            ByteBuffer.wrap(written)));
    assertArrayEquals(first, written);
    assertArrayEquals(
        initiatorPublic,
        responder.readInitiatorStatic(
            responderStatic, Arrays.copyOf(first, 32), Arrays.copyOfRange(first, 32, 80)));
    assertArrayEquals(
        bytes(messages.get(0), "payload"),
        responder.readInitiationPayload(staticStatic, Arrays.copyOfRange(first, 80, first.length)));

    byte[] responderEphemeral = bytes(vector, "resp_ephemeral");
    byte[] second = bytes(messages.get(1), "ciphertext");
    written = new byte[second.length];
    assertTrue(
        responder.writeResponse(
            responderEphemeral,
            X25519.publicKey(responderEphemeral),
            Arrays.copyOf(first, 32),
            initiatorPublic,
            psk,
            bytes(messages.get(1), "payload"),
            ByteBuffer.wrap(written)));
    assertArrayEquals(second, written);
    assertArrayEquals(
        bytes(messages.get(1), "payload"),
        initiator.readResponse(
            initiatorEphemeral,
            initiatorStatic,
            Arrays.copyOf(second, 32),
            psk,
            Arrays.copyOfRange(second, 32, second.length)));

    assertArrayEquals(bytes(vector, "handshake_hash"), initiator.handshakeHash());
    assertArrayEquals(bytes(vector, "handshake_hash"), responder.handshakeHash());
    byte[][] keys = initiator.split();
    assertArrayEquals(keys[0], responder.split()[0]);
    for (int i = 2; i < messages.size(); i++) {
      byte[] nonce =
          ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN).putLong(4, i / 2 - 1).array();
      assertArrayEquals(
          bytes(messages.get(i), "ciphertext"),
          Node.backend()
              .seal(
                  AeadAlgorithm.CHACHA20_POLY1305,
                  keys[i % 2],
                  nonce,
                  new byte[0],
                  bytes(messages.get(i), "payload")));
    }
  }

  @Test
  void allowedIpsAnswerAsTheyDoElsewhere() throws IOException {
    int lookups = 0;
    for (JsonNode testCase : Vectors.json("wireguard/allowedips.json").required("cases")) {
      AllowedIps allowedIps = new AllowedIps();
      Map<String, WireGuardPeer> peers = new HashMap<>();
      for (JsonNode op : testCase.get("ops")) {
        WireGuardPeer peer = op.has("peer") ? peer(peers, op.get("peer").asText()) : null;
        switch (op.get("op").asText()) {
          case "insert" -> allowedIps.give(prefix(op), requireNonNull(peer));
          case "remove" -> allowedIps.take(prefix(op), requireNonNull(peer));
          case "remove_by_peer" -> allowedIps.takeAll(requireNonNull(peer));
          case "lookup_is" -> {
            lookups++;
            assertEquals(peer, lookup(allowedIps, op), op::toString);
          }
          case "lookup_is_not" -> {
            lookups++;
            assertNotEquals(peer, lookup(allowedIps, op), op::toString);
          }
          case "table_is_empty" -> {
            allowedIps.publish();
            assertEquals(0, allowedIps.table().size());
          }
          default -> throw new AssertionError("operation " + op);
        }
      }
    }
    assertEquals(45, lookups);
  }

  private static Prefix prefix(JsonNode op) {
    return new Prefix(IpAddress.parse(op.get("ip").asText()), op.get("cidr").asInt());
  }

  private static @Nullable WireGuardPeer lookup(AllowedIps allowedIps, JsonNode op) {
    allowedIps.publish();
    return allowedIps.table().lookup(IpAddress.parse(op.get("ip").asText()));
  }

  private static WireGuardPeer peer(Map<String, WireGuardPeer> peers, String name) {
    WireGuardState shared =
        new WireGuardState(
            Limits.OF_THE_PAPER,
            new IndexTable(Node.seeded(name.hashCode())),
            AeadBackends.all().getFirst(),
            0);
    byte[] key = Arrays.copyOf(name.getBytes(US_ASCII), 32);
    return peers.computeIfAbsent(name, n -> new WireGuardPeer(PublicKey.of(key), shared));
  }
}
