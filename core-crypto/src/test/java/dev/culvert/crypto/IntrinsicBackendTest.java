// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * AES-GCM from the JDK's parts as the JVM has compiled it; cold, the tests of all backends run it.
 */
class IntrinsicBackendTest {
  private static final AeadAlgorithm GCM = AeadAlgorithm.AES_GCM;
  private static final int MEMORY = 64 * 1600;

  private final AeadBackend intrinsic = IntrinsicBackend.aesGcm(new JavaxBackend());
  private final TrainCipher cipher = intrinsic.newTrainCipher(GCM);

  @BeforeAll
  static void warmUp() {
    CompiledCiphers.warmUp(IntrinsicBackend.aesGcm(new JavaxBackend()), GCM);
  }

  @Test
  void compiledItStillGivesTheKnownAnswers() {
    assertNull(KnownAnswers.failure(intrinsic, GCM));
  }

  /**
   * The powers of the hash subkey are kept from packet to packet: they must not outlive the key.
   */
  @ParameterizedTest
  @CsvSource({"16", "32"})
  void compiledItSealsAsJavaxDoesUnderKeysThatTakeTurns(int keyLength) {
    Random random = new Random(keyLength);
    TrainCipher reference = new JavaxBackend().newTrainCipher(GCM);
    try (Arena arena = Arena.ofConfined();
        AeadKey one = key(keyLength, 1);
        AeadKey two = key(keyLength, 2)) {
      MemorySegment ours = arena.allocate(MEMORY);
      MemorySegment theirs = arena.allocate(MEMORY);
      for (int train = 0; train < 400; train++) {
        byte[] plain = new byte[MEMORY];
        random.nextBytes(plain);
        MemorySegment.copy(plain, 0, ours, ValueLayout.JAVA_BYTE, 0, MEMORY);
        MemorySegment.copy(plain, 0, theirs, ValueLayout.JAVA_BYTE, 0, MEMORY);
        int length = random.nextInt(1500);
        PacketRun run =
            new PacketRun()
                .at(ours, 64, 1580)
                .of(1 + random.nextInt(64), length, random.nextInt(length + 1))
                .counting(random.nextLong())
                .authenticating(0, 0, random.nextInt(33));
        AeadKey key = train % 3 == 0 ? one : two;
        cipher.seal(key, run);
        long counter = run.firstCounter();
        int aad = run.aadLength();
        reference.seal(
            key,
            new PacketRun()
                .at(theirs, 64, 1580)
                .of(run.packets(), run.length(), run.lastLength())
                .counting(counter)
                .authenticating(0, 0, aad));
        assertEquals(-1, ours.mismatch(theirs), "train " + train);
        assertEquals(run.allPackets(), cipher.open(key, run));
        assertArrayEquals(
            Arrays.copyOfRange(plain, 64, 64 + run.lengthOf(0)),
            ours.asSlice(64, run.lengthOf(0)).toArray(ValueLayout.JAVA_BYTE));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"46, 1420", "1, 64", "64, 600", "17, 1"})
  void nothingIsAllocated(int packets, int length) {
    try (Arena arena = Arena.ofConfined();
        AeadKey key = key(32, 1)) {
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
        AeadKey key = key(16, 1)) {
      PacketRun run = new PacketRun().at(arena.allocate(1000), 0, 116).of(9, 100, 100);
      assertThrows(IndexOutOfBoundsException.class, () -> cipher.seal(key, run));
      cipher.seal(key, run.of(8, 100, 100).counting(100));
    }
  }

  /** Runs in a JVM of its own, which keeps its packages to itself. */
  static final class WithoutAccess {
    public static void main(String[] arguments) {
      try {
        System.out.println(IntrinsicBackend.aesGcm(new JavaxBackend()).name());
      } catch (UnsupportedOperationException e) {
        System.out.println(e.getMessage() + "; " + AeadBackends.first(GCM).name());
      }
    }
  }

  @Test
  void whereTheJvmKeepsGhashToItselfItSaysSoAndTheOthersServe()
      throws IOException, InterruptedException {
    assertEquals(
        "the JVM runs without --add-opens java.base/com.sun.crypto.provider=ALL-UNNAMED, or is another;"
            + " javax",
        CompiledCiphers.outputOf(WithoutAccess.class));
  }

  private static AeadKey key(int length, int seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return new AeadKey(GCM, SecretBytes.owning(bytes), NonceLayout.BIG_ENDIAN_COUNTER, seed);
  }
}
