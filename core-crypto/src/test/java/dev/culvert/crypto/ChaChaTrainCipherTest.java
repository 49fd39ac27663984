// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * ChaCha20-Poly1305 from the JDK's parts as the JVM has compiled it; cold, the tests of all
 * backends run it.
 */
class ChaChaTrainCipherTest {
  private static final AeadAlgorithm CHACHA = AeadAlgorithm.CHACHA20_POLY1305;
  private static final int MEMORY = 64 * 1600;

  private final AeadBackend intrinsic = IntrinsicBackend.chaCha20Poly1305(new JavaxBackend());
  private final TrainCipher cipher = intrinsic.newTrainCipher(CHACHA);

  @BeforeAll
  static void warmUp() {
    CompiledCiphers.warmUp(IntrinsicBackend.chaCha20Poly1305(new JavaxBackend()), CHACHA);
  }

  @Test
  void compiledItStillGivesTheKnownAnswers() {
    assertNull(KnownAnswers.failure(intrinsic, CHACHA));
  }

  /** Runs in a JVM of its own, which has chosen no backend yet. */
  static final class First {
    public static void main(String[] arguments) {
      System.out.println(AeadBackends.first(CHACHA).name());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "java.base/sun.security.util.math=ALL-UNNAMED, intrinsic",
    "java.base/sun.security.x509=ALL-UNNAMED, javax"
  })
  void aGatewayBeginsWithItIfTheJvmGivesAccess(String exported, String first)
      throws IOException, InterruptedException {
    assertEquals(
        first,
        CompiledCiphers.outputOf(
            First.class,
            "--add-opens",
            ProviderAccess.PACKAGE + "=ALL-UNNAMED",
            "--add-exports",
            exported));
  }

  @Test
  void compiledItSealsAndOpensAsJavaxDoesUnderKeysThatTakeTurns() {
    Random random = new Random(5);
    TrainCipher reference = new JavaxBackend().newTrainCipher(CHACHA);
    try (Arena arena = Arena.ofConfined();
        AeadKey one = key(1, NonceLayout.LITTLE_ENDIAN_COUNTER);
        AeadKey two = key(2, NonceLayout.BIG_ENDIAN_COUNTER)) {
      MemorySegment ours = arena.allocate(MEMORY);
      MemorySegment theirs = arena.allocate(MEMORY);
      for (int train = 0; train < 400; train++) {
        byte[] plain = new byte[MEMORY];
        random.nextBytes(plain);
        MemorySegment.copy(plain, 0, ours, ValueLayout.JAVA_BYTE, 0, MEMORY);
        MemorySegment.copy(plain, 0, theirs, ValueLayout.JAVA_BYTE, 0, MEMORY);
        int length = random.nextInt(1500);
        int packets = 1 + random.nextInt(64);
        int last = random.nextInt(length + 1);
        long counter = random.nextLong();
        int aad = random.nextInt(33);
        AeadKey key = train % 3 == 0 ? one : two;
        PacketRun run = run(ours, packets, length, last, counter, aad);
        cipher.seal(key, run);
        reference.seal(key, run(theirs, packets, length, last, counter, aad));
        assertEquals(-1, ours.mismatch(theirs), "train " + train);
        assertEquals(run.allPackets(), cipher.open(key, run));
        byte[] first = ours.asSlice(64, run.lengthOf(0)).toArray(ValueLayout.JAVA_BYTE);
        assertEquals(
            -1, Arrays.mismatch(Arrays.copyOfRange(plain, 64, 64 + run.lengthOf(0)), first));
      }
    }
  }

  private static PacketRun run(
      MemorySegment memory, int packets, int length, int last, long counter, int aad) {
    return new PacketRun()
        .at(memory, 64, 1580)
        .of(packets, length, last)
        .counting(counter)
        .authenticating(0, 0, aad);
  }

  /**
   * RFC 8439, appendix A.3, vectors 7 to 11: sums at the edges of the modulus, of the limbs and of
   * the pad.
   */
  @ParameterizedTest
  @CsvSource({
    // r, pad, data, tag
    "02000000000000000000000000000000, 00000000000000000000000000000000,"
        + " ffffffffffffffffffffffffffffffff, 03000000000000000000000000000000",
    "02000000000000000000000000000000, ffffffffffffffffffffffffffffffff,"
        + " 02000000000000000000000000000000, 03000000000000000000000000000000",
    "01000000000000000000000000000000, 00000000000000000000000000000000,"
        + " fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff11000000000000000000000000000000,"
        + " 05000000000000000000000000000000",
    "01000000000000000000000000000000, 00000000000000000000000000000000,"
        + " fffffffffffffffffffffffffffffffffbfefefefefefefefefefefefefefefe01010101010101010101010101010101,"
        + " 00000000000000000000000000000000",
    "02000000000000000000000000000000, 00000000000000000000000000000000,"
        + " fdffffffffffffffffffffffffffffff, faffffffffffffffffffffffffffffff"
  })
  void sumsAtTheEdgesAreReduced(String r, String pad, String data, String tag) {
    Poly1305Mac mac = new Poly1305Mac();
    byte[] message = HexFormat.of().parseHex(data);
    mac.use(HexFormat.of().parseHex(r + pad));
    mac.authenticate(message, message.length / Poly1305Mac.BLOCK);
    byte[] expected = HexFormat.of().parseHex(tag);
    MemorySegment halves = MemorySegment.ofArray(expected);
    assertEquals(halves.get(ValueLayout.JAVA_LONG_UNALIGNED, 0), mac.lower());
    assertEquals(halves.get(ValueLayout.JAVA_LONG_UNALIGNED, 8), mac.upper());
  }

  @ParameterizedTest
  @CsvSource({"46, 1420", "1, 64", "64, 600", "17, 1"})
  void nothingIsAllocated(int packets, int length) {
    try (Arena arena = Arena.ofConfined();
        AeadKey key = key(1, NonceLayout.LITTLE_ENDIAN_COUNTER)) {
      PacketRun run =
          new PacketRun()
              .at(arena.allocate(MEMORY), 16, length + 32)
              .of(packets, length, length)
              .authenticating(0, 0, 12);
      CompiledCiphers.assertAllocatesNothing(cipher, key, run);
    }
  }

  @Test
  void aRunBeyondItsMemoryFails() {
    try (Arena arena = Arena.ofConfined();
        AeadKey key = key(1, NonceLayout.LITTLE_ENDIAN_COUNTER)) {
      PacketRun run = new PacketRun().at(arena.allocate(1000), 0, 116).of(9, 100, 100);
      assertThrows(IndexOutOfBoundsException.class, () -> cipher.seal(key, run));
      cipher.seal(key, run.of(8, 100, 100).counting(100));
    }
  }

  private static AeadKey key(int seed, NonceLayout layout) {
    byte[] bytes = new byte[32];
    new Random(seed).nextBytes(bytes);
    return new AeadKey(CHACHA, SecretBytes.owning(bytes), layout, seed);
  }
}
