// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Published AEAD vectors on every backend: one message at a time, and in trains. */
class AeadVectorsTest {
  /** As many packets as a cipher may seal side by side. */
  private static final int PACKETS_ABREAST = 8;

  static List<AeadBackend> all() {
    return AeadBackends.all();
  }

  static List<AeadBackend> backendsWithChaCha20Poly1305() {
    return backendsWith(AeadAlgorithm.CHACHA20_POLY1305);
  }

  static List<AeadBackend> backendsWithAesGcm() {
    return backendsWith(AeadAlgorithm.AES_GCM);
  }

  private static List<AeadBackend> backendsWith(AeadAlgorithm algorithm) {
    return all().stream().filter(b -> b.supports(algorithm)).toList();
  }

  /** One vector, in hexadecimal; {@code valid} if the tag is right. */
  private record Case(
      String id, String key, String iv, String aad, String plain, String sealed, boolean valid) {
    static Case of(JsonNode test) {
      return new Case(
          "tcId " + test.required("tcId").intValue(),
          test.required("key").textValue(),
          test.required("iv").textValue(),
          test.required("aad").textValue(),
          test.required("msg").textValue(),
          test.required("ct").textValue() + test.required("tag").textValue(),
          test.required("result").textValue().equals("valid"));
    }

    boolean fits(AeadAlgorithm algorithm) {
      return iv.length() == 24 && algorithm.acceptsKeyLength(key.length() / 2);
    }
  }

  @ParameterizedTest
  @MethodSource("backendsWithChaCha20Poly1305")
  void answersWycheproofChaCha20Poly1305(AeadBackend backend) throws IOException {
    List<Case> all =
        Vectors.wycheproof("chacha20_poly1305_test.json").stream().map(Case::of).toList();
    runAll("wycheproof chacha20-poly1305", backend, AeadAlgorithm.CHACHA20_POLY1305, all, 316, 9);
  }

  @ParameterizedTest
  @MethodSource("backendsWithAesGcm")
  void answersWycheproofAesGcm(AeadBackend backend) throws IOException {
    List<Case> all = Vectors.wycheproof("aes_gcm_test.json").stream().map(Case::of).toList();
    runAll("wycheproof aes-gcm", backend, AeadAlgorithm.AES_GCM, all, 133, 183);
  }

  @ParameterizedTest
  @MethodSource("backendsWithAesGcm")
  void answersNistAesGcm(AeadBackend backend) throws IOException {
    for (int bits : new int[] {128, 256}) {
      List<Case> all = nist("nist/gcmEncryptExtIV" + bits + ".rsp");
      runAll("nist aes-gcm-" + bits, backend, AeadAlgorithm.AES_GCM, all, 375, 0);
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void malformedInputOpensToNothing(AeadBackend backend) {
    for (AeadAlgorithm algorithm : AeadAlgorithm.values()) {
      byte[] key = new byte[32];
      byte[] nonce = new byte[12];
      byte[] none = {};
      byte[] sealed = backend.seal(algorithm, key, nonce, none, none);
      assertEquals(0, requireNonNull(backend.open(algorithm, key, nonce, none, sealed)).length);
      for (int length = 0; length < sealed.length; length++) {
        assertNull(backend.open(algorithm, key, nonce, none, Arrays.copyOf(sealed, length)));
      }
      for (int length : new int[] {0, 11, 13, 24}) {
        assertNull(backend.open(algorithm, key, new byte[length], none, sealed));
      }
      for (int length : new int[] {0, 24, 31, 33}) {
        assertNull(backend.open(algorithm, new byte[length], nonce, none, sealed));
      }
    }
  }

  /** Runs the vectors that fit; the others must be refused. Both counts must be as published. */
  private static void runAll(
      String name,
      AeadBackend backend,
      AeadAlgorithm algorithm,
      List<Case> all,
      int fitting,
      int refused) {
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    StringBuilder failures = new StringBuilder();
    int run = 0;
    int passed = 0;
    int refusals = 0;
    for (Case c : all) {
      if (!c.fits(algorithm)) {
        refusals += refuses(backend, algorithm, c) ? 1 : 0;
        continue;
      }
      run++;
      if (oneShot(backend, algorithm, c)
          && train(cipher, algorithm, c, NonceLayout.LITTLE_ENDIAN_COUNTER, 1)
          && train(cipher, algorithm, c, NonceLayout.LITTLE_ENDIAN_COUNTER, PACKETS_ABREAST)
          && train(cipher, algorithm, c, NonceLayout.BIG_ENDIAN_COUNTER, 1)) {
        passed++;
      } else {
        failures.append(c.id).append(' ');
      }
    }
    Vectors.report(name + ": " + backend.name(), passed, run);
    assertEquals(fitting, run, "vectors run");
    assertEquals(refused, refusals, "vectors of another key or nonce length refused");
    assertEquals("", failures.toString());
  }

  private static boolean refuses(AeadBackend backend, AeadAlgorithm algorithm, Case c) {
    byte[] key = Vectors.hex(c.key);
    byte[] iv = Vectors.hex(c.iv);
    byte[] aad = Vectors.hex(c.aad);
    try {
      backend.seal(algorithm, key, iv, aad, Vectors.hex(c.plain));
      return false;
    } catch (IllegalArgumentException expected) {
      return backend.open(algorithm, key, iv, aad, Vectors.hex(c.sealed)) == null;
    }
  }

  private static boolean oneShot(AeadBackend backend, AeadAlgorithm algorithm, Case c) {
    byte[] key = Vectors.hex(c.key);
    byte[] iv = Vectors.hex(c.iv);
    byte[] aad = Vectors.hex(c.aad);
    byte[] plain = Vectors.hex(c.plain);
    byte[] sealed = Vectors.hex(c.sealed);
    byte[] opened = backend.open(algorithm, key, iv, aad, sealed);
    boolean opensRightly = c.valid ? Arrays.equals(plain, opened) : opened == null;
    boolean sealsAlike = Arrays.equals(sealed, backend.seal(algorithm, key, iv, aad, plain));
    return opensRightly && sealsAlike == c.valid;
  }

  /**
   * The vector as the first packet of a train in native memory, behind its associated data. The
   * other packets are as long, and open to nothing.
   */
  private static boolean train(
      TrainCipher cipher, AeadAlgorithm algorithm, Case c, NonceLayout layout, int packets) {
    byte[] plain = Vectors.hex(c.plain);
    byte[] sealed = Vectors.hex(c.sealed);
    byte[] aad = Vectors.hex(c.aad);
    ByteBuffer iv = ByteBuffer.wrap(Vectors.hex(c.iv));
    int prefix = iv.getInt();
    ByteOrder order =
        layout == NonceLayout.BIG_ENDIAN_COUNTER ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    long counter = iv.order(order).getLong();
    SecretBytes secret = SecretBytes.owning(Vectors.hex(c.key));
    try (Arena arena = Arena.ofConfined();
        AeadKey key = new AeadKey(algorithm, secret, layout, prefix)) {
      MemorySegment memory = arena.allocate(aad.length + (long) packets * sealed.length);
      put(memory, 0, aad);
      PacketRun run =
          new PacketRun()
              .at(memory, aad.length, sealed.length)
              .of(packets, plain.length, plain.length)
              .counting(counter)
              .authenticating(0, 0, aad.length);
      put(memory, aad.length, sealed);
      boolean opened = cipher.open(key, run) == 1;
      boolean plainIsRight = Arrays.equals(plain, get(memory, aad.length, plain.length));
      put(memory, aad.length, plain);
      cipher.seal(key, run);
      boolean sealsAlike = Arrays.equals(sealed, get(memory, aad.length, sealed.length));
      // Sealing the next layout, or an equal vector, must not look like a nonce used twice.
      cipher.forgetKeys();
      return opened == c.valid && (plainIsRight || !c.valid) && sealsAlike == c.valid;
    }
  }

  private static void put(MemorySegment memory, long at, byte[] bytes) {
    MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, at, bytes.length);
  }

  private static byte[] get(MemorySegment memory, long at, int length) {
    return memory.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE);
  }

  /** The cases with a 96-bit IV and a 128-bit tag. */
  private static List<Case> nist(String name) throws IOException {
    Map<String, String> fields = new HashMap<>();
    List<Case> cases = new ArrayList<>();
    for (String line : Vectors.lines(name)) {
      int equals = line.indexOf('=');
      if (equals < 0) {
        continue;
      }
      String field = line.substring(0, equals).replace("[", "").strip();
      fields.put(field, line.substring(equals + 1).replace("]", "").strip());
      if (field.equals("Tag")
          && "96".equals(fields.get("IVlen"))
          && "128".equals(fields.get("Taglen"))) {
        cases.add(nistCase(fields));
      }
    }
    return cases;
  }

  private static Case nistCase(Map<String, String> fields) {
    return new Case(
        "PTlen "
            + fields.get("PTlen")
            + " AADlen "
            + fields.get("AADlen")
            + " Count "
            + fields.get("Count"),
        fields.getOrDefault("Key", ""),
        fields.getOrDefault("IV", ""),
        fields.getOrDefault("AAD", ""),
        fields.getOrDefault("PT", ""),
        fields.getOrDefault("CT", "") + fields.getOrDefault("Tag", ""),
        true);
  }
}
