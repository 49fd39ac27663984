// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The vector backend as the JVM has compiled it; cold, the tests of all backends run it. */
class VectorBackendTest {
  private static final AeadAlgorithm CHACHA = AeadAlgorithm.CHACHA20_POLY1305;
  private static final int MEMORY = 64 * 1600;

  private final AeadBackend vector = vector();
  private final TrainCipher cipher = vector.newTrainCipher(CHACHA);

  private static AeadBackend vector() {
    return AeadBackends.all().stream()
        .filter(b -> b.name().equals("vector"))
        .findFirst()
        .orElseGet(
            () -> Assumptions.abort("no vectors of 512 bits here: the vector backend is absent"));
  }

  @BeforeAll
  static void warmUp() {
    CompiledCiphers.warmUp(vector(), CHACHA);
  }

  @Test
  void compiledItStillGivesTheKnownAnswers() {
    assertNull(KnownAnswers.failure(vector, CHACHA));
  }

  @Test
  void compiledItSealsAndOpensRandomTrainsLikeAnotherBackend() {
    Random random = new Random(7);
    TrainCipher other = new JavaxBackend().newTrainCipher(CHACHA);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mine = arena.allocate(MEMORY);
      MemorySegment theirs = arena.allocate(MEMORY);
      byte[] plain = new byte[MEMORY];
      for (int train = 0; train < 1_000; train++) {
        // Poly1305's limbs overflow most if all bits are set.
        random.nextBytes(plain);
        Arrays.fill(plain, 0, random.nextInt(8) == 0 ? MEMORY : 0, (byte) -1);
        mine.copyFrom(MemorySegment.ofArray(plain));
        theirs.copyFrom(MemorySegment.ofArray(plain));
        byte[] keyBytes = new byte[32];
        random.nextBytes(keyBytes);
        NonceLayout layout = NonceLayout.values()[random.nextInt(2)];
        try (AeadKey key =
            new AeadKey(CHACHA, SecretBytes.owning(keyBytes), layout, random.nextInt())) {
          PacketRun run = randomRun(random);
          long offset = run.offset();
          cipher.seal(key, run.at(mine, offset, run.stride()));
          other.seal(key, run.at(theirs, offset, run.stride()));
          assertEquals(-1, mine.mismatch(theirs), "train " + train);
          assertEquals(run.allPackets(), cipher.open(key, run.at(mine, offset, run.stride())));
          assertPlain(plain, run);
        }
      }
    }
  }

  private static PacketRun randomRun(Random random) {
    int length = random.nextInt(3) == 0 ? random.nextInt(130) : random.nextInt(1_500);
    int stride = length + TrainCipher.TAG_LENGTH + random.nextInt(30);
    return new PacketRun()
        .at(MemorySegment.NULL, random.nextInt(100), stride)
        .of(
            1 + random.nextInt(64),
            length,
            random.nextBoolean() ? length : random.nextInt(length + 1))
        .counting(random.nextBoolean() ? random.nextLong() : 0xffff_fff0L);
  }

  private static void assertPlain(byte[] plain, PacketRun run) {
    MemorySegment expected = MemorySegment.ofArray(plain);
    for (int i = 0; i < run.packets(); i++) {
      long from = run.offset() + i * run.stride();
      long to = from + run.lengthOf(i);
      assertEquals(
          -1, MemorySegment.mismatch(expected, from, to, run.memory(), from, to), "packet " + i);
    }
  }

  /** A vector that the JVM boxes shows as allocation: this finds boxing that timing would hide. */
  @ParameterizedTest
  @CsvSource({"46, 1420, 1420", "46, 64, 64", "45, 1420, 33", "3, 1420, 1420", "17, 600, 600"})
  void compiledItAllocatesNothing(int packets, int length, int lastLength) {
    try (Arena arena = Arena.ofConfined();
        AeadKey key = key()) {
      PacketRun run =
          new PacketRun()
              .at(arena.allocate(MEMORY), 16, length + 32)
              .of(packets, length, lastLength)
              .counting(0);
      CompiledCiphers.assertAllocatesNothing(cipher, key, run);
    }
  }

  /**
   * If a caller is too large for the JVM, it calls a helper instead of inlining it, and a vector
   * crosses a call as an object: once in a dozen runs, and then for good.
   */
  @ParameterizedTest
  @ValueSource(strings = {"ChaCha20", "Keystream", "Poly1305", "TrainMac", "VectorTrainCipher"})
  void noMethodTakesOrReturnsAVector(String name) throws ClassNotFoundException {
    Class<?> kernels = Class.forName("dev.culvert.crypto.vector." + name);
    for (Method method : kernels.getDeclaredMethods()) {
      Stream.concat(Stream.of(method.getReturnType()), Stream.of(method.getParameterTypes()))
          .forEach(
              type ->
                  assertNotEquals("jdk.incubator.vector", type.getPackageName(), method::toString));
    }
  }

  /** One packet has more blocks than a pass. */
  @Test
  void compiledItSealsAndOpensJumboFrames() {
    byte[] plain = new byte[11 * 9_016];
    new Random(9).nextBytes(plain);
    TrainCipher other = new JavaxBackend().newTrainCipher(CHACHA);
    try (Arena arena = Arena.ofConfined();
        AeadKey key = key()) {
      MemorySegment mine = arena.allocateFrom(ValueLayout.JAVA_BYTE, plain);
      MemorySegment theirs = arena.allocateFrom(ValueLayout.JAVA_BYTE, plain);
      PacketRun run = new PacketRun().of(11, 9_000, 9_000).counting(0xffff_fffcL);
      cipher.seal(key, run.at(mine, 0, 9_016));
      other.seal(key, run.at(theirs, 0, 9_016));
      assertEquals(-1, mine.mismatch(theirs));
      assertEquals(run.allPackets(), cipher.open(key, run.at(mine, 0, 9_016)));
      assertPlain(plain, run);
    }
  }

  @Test
  void onlyTheForgedPacketsOfATrainDoNotOpen() {
    try (Arena arena = Arena.ofConfined();
        AeadKey key = key()) {
      MemorySegment memory = arena.allocate(MEMORY);
      PacketRun run = new PacketRun().at(memory, 0, 200).of(21, 150, 150).counting(3);
      cipher.seal(key, run);
      for (int forged : new int[] {0, 7, 8, 16, 20}) {
        long at = forged * 200L + 150 + forged % TrainCipher.TAG_LENGTH;
        memory.set(ValueLayout.JAVA_BYTE, at, (byte) ~memory.get(ValueLayout.JAVA_BYTE, at));
      }
      assertEquals(
          run.allPackets() & ~(1L | 1L << 7 | 1L << 8 | 1L << 16 | 1L << 20),
          cipher.open(key, run));
    }
  }

  /** The places of packets in lanes are no secret. */
  @Test
  void forgettingKeysWipesAllScratchArrays() throws ReflectiveOperationException {
    try (Arena arena = Arena.ofConfined();
        AeadKey key = key()) {
      PacketRun run = new PacketRun().at(arena.allocate(MEMORY), 0, 200).of(11, 150, 150);
      cipher.seal(key, run);
      assertNotEquals(Set.of(), scratch(cipher));
      cipher.forgetKeys();
      assertEquals(Set.of(), scratch(cipher));
    }
  }

  /** The names of arrays, of this object and of the package's objects in it, that are not empty. */
  private static Set<String> scratch(Object holder) throws ReflectiveOperationException {
    Set<String> found = new TreeSet<>();
    for (Field field : holder.getClass().getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers())
          || field.getName().matches("(lane|start).*|offsets")) {
        continue;
      }
      field.setAccessible(true);
      Object value = field.get(holder);
      if (value.getClass().isArray()) {
        for (int i = 0; i < Array.getLength(value); i++) {
          if (Array.getLong(value, i) != 0) {
            found.add(field.getName());
          }
        }
      } else if (value.getClass().getPackageName().endsWith(".vector")) {
        found.addAll(scratch(value));
      }
    }
    return found;
  }

  @Test
  void sealingAgainWhereTheLastTrainWasFails() {
    try (Arena arena = Arena.ofConfined();
        AeadKey key = key()) {
      MemorySegment memory = arena.allocate(MEMORY);
      PacketRun run = new PacketRun().at(memory, 0, 200).of(10, 100, 100).counting(50);
      cipher.seal(key, run);
      byte[] sealed = memory.toArray(ValueLayout.JAVA_BYTE);
      for (long counter : new long[] {41, 50, 59}) {
        run.counting(counter);
        assertThrows(IllegalStateException.class, () -> cipher.seal(key, run));
      }
      assertArrayEquals(sealed, memory.toArray(ValueLayout.JAVA_BYTE));
      cipher.seal(key, run.counting(60));
      cipher.seal(key, run.counting(50));
    }
  }

  @Test
  void aRunBeyondItsMemoryFails() {
    try (Arena arena = Arena.ofConfined();
        AeadKey key = key()) {
      PacketRun run = new PacketRun().at(arena.allocate(1200), 0, 116).of(11, 100, 100);
      assertThrows(IndexOutOfBoundsException.class, () -> cipher.seal(key, run));
      assertThrows(IndexOutOfBoundsException.class, () -> cipher.open(key, run));
      cipher.seal(key, run.of(10, 100, 100).counting(100));
    }
  }

  /** Runs in a JVM of its own, without the module. */
  static final class WithoutTheModule {
    public static void main(String[] arguments) {
      List<String> names = AeadBackends.all().stream().map(AeadBackend::name).toList();
      System.out.println(names + " " + AeadBackends.first(CHACHA).name());
    }
  }

  @Test
  void withoutItsModuleTheOtherBackendsAreThere() throws IOException, InterruptedException {
    assertEquals("[javax, bouncycastle] javax", CompiledCiphers.outputOf(WithoutTheModule.class));
  }

  @Test
  void aJvmThatStartedWithoutTheModuleAddsItWhenTheBackendIsWanted()
      throws IOException, InterruptedException {
    assertEquals(
        "[javax, bouncycastle, vector] javax",
        CompiledCiphers.outputOf(
            WithoutTheModule.class, "--add-exports", "java.base/jdk.internal.module=ALL-UNNAMED"));
  }

  private static AeadKey key() {
    byte[] bytes = new byte[32];
    new Random(8).nextBytes(bytes);
    return new AeadKey(CHACHA, SecretBytes.owning(bytes), NonceLayout.LITTLE_ENDIAN_COUNTER, 0);
  }
}
