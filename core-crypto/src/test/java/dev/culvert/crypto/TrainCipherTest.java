// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every backend's train cipher, for both algorithms, in native memory as the packet path has it.
 */
class TrainCipherTest {
  private static final int TRAINS = 120;
  private static final int MAX_LENGTH = 2000;

  static List<Arguments> ciphers() {
    List<Arguments> ciphers = new ArrayList<>();
    for (AeadBackend backend : AeadBackends.all()) {
      for (AeadAlgorithm algorithm : AeadAlgorithm.values()) {
        if (backend.supports(algorithm)) {
          ciphers.add(Arguments.of(backend, algorithm));
        }
      }
    }
    return ciphers;
  }

  /** Another implementation than the one under test, to compare with. */
  private static AeadBackend other(AeadBackend backend) {
    return AeadBackends.all().stream()
        .filter(b -> b != backend && !(b instanceof TrainBackend))
        .findFirst()
        .orElseThrow();
  }

  /** A train drawn at random: the memory before sealing, and the places of the packets in it. */
  private static final class RandomTrain {
    final byte[] keyBytes;
    final NonceLayout layout;
    final int prefix;
    final byte[] plain;
    final long offset;
    final int stride;
    final int packets;
    final int length;
    final int lastLength;
    long firstCounter;
    final int aadLength;
    final int aadStride;

    RandomTrain(Random random, AeadAlgorithm algorithm) {
      keyBytes = new byte[algorithm == AeadAlgorithm.AES_GCM && random.nextBoolean() ? 16 : 32];
      random.nextBytes(keyBytes);
      layout = NonceLayout.values()[random.nextInt(2)];
      prefix = random.nextInt();
      packets = 1 + random.nextInt(PacketRun.MAX_PACKETS);
      length = random.nextInt(4) == 0 ? random.nextInt(70) : random.nextInt(MAX_LENGTH + 1);
      lastLength = random.nextBoolean() ? length : random.nextInt(length + 1);
      aadLength = random.nextBoolean() ? 0 : random.nextInt(100);
      aadStride = random.nextInt(3) == 0 ? 0 : aadLength + random.nextInt(9);
      int aadArea = aadLength + aadStride * (packets - 1);
      offset = (long) aadArea + random.nextInt(40);
      stride = length + TrainCipher.TAG_LENGTH + random.nextInt(50);
      plain = new byte[(int) offset + packets * stride];
      random.nextBytes(plain);
      firstCounter =
          switch (random.nextInt(4)) {
            case 0 -> (1L << 32) - random.nextInt(packets);
            case 1 -> random.nextInt(1000);
            case 2 -> Long.MAX_VALUE - random.nextInt(packets);
            default -> random.nextLong();
          };
    }

    AeadKey key(AeadAlgorithm algorithm) {
      return new AeadKey(algorithm, SecretBytes.copyOf(keyBytes), layout, prefix);
    }

    PacketRun run(MemorySegment memory) {
      return new PacketRun()
          .at(memory, offset, stride)
          .of(packets, length, lastLength)
          .counting(firstCounter)
          .authenticating(0, aadStride, aadLength);
    }

    int start(int i) {
      return (int) offset + i * stride;
    }

    int lengthOf(int i) {
      return i == packets - 1 ? lastLength : length;
    }

    /** The nonce, made here another way than the product makes it. */
    byte[] nonce(int i) {
      byte[] nonce = new byte[12];
      long counter = firstCounter + i;
      for (int b = 0; b < 4; b++) {
        nonce[b] = (byte) (prefix >>> (24 - 8 * b));
      }
      for (int b = 0; b < 8; b++) {
        int shift = layout == NonceLayout.LITTLE_ENDIAN_COUNTER ? 8 * b : 56 - 8 * b;
        nonce[4 + b] = (byte) (counter >>> shift);
      }
      return nonce;
    }

    /** The memory as it must be after sealing: only packets and tags change, gaps do not. */
    byte[] sealedBy(AeadBackend backend, AeadAlgorithm algorithm) {
      byte[] sealed = plain.clone();
      for (int i = 0; i < packets; i++) {
        byte[] aad = Arrays.copyOfRange(plain, i * aadStride, i * aadStride + aadLength);
        byte[] text = Arrays.copyOfRange(plain, start(i), start(i) + lengthOf(i));
        byte[] packet = backend.seal(algorithm, keyBytes, nonce(i), aad, text);
        System.arraycopy(packet, 0, sealed, start(i), packet.length);
      }
      return sealed;
    }
  }

  @ParameterizedTest
  @MethodSource("ciphers")
  void aTrainIsSealedLikeItsPacketsOneByOne(AeadBackend backend, AeadAlgorithm algorithm) {
    Random random = new Random(1);
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    for (int t = 0; t < TRAINS; t++) {
      RandomTrain train = new RandomTrain(random, algorithm);
      try (Arena arena = Arena.ofConfined();
          AeadKey key = train.key(algorithm)) {
        MemorySegment memory = copy(arena, train.plain);
        cipher.seal(key, train.run(memory));
        assertArrayEquals(train.sealedBy(other(backend), algorithm), bytes(memory), "train " + t);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("ciphers")
  void exactlyTheTamperedPacketIsRefused(AeadBackend backend, AeadAlgorithm algorithm) {
    Random random = new Random(2);
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    for (int t = 0; t < TRAINS; t++) {
      RandomTrain train = new RandomTrain(random, algorithm);
      try (Arena arena = Arena.ofConfined();
          AeadKey key = train.key(algorithm)) {
        byte[] sealed = train.sealedBy(other(backend), algorithm);
        int tampered = random.nextInt(train.packets);
        int at = random.nextInt(train.lengthOf(tampered) + TrainCipher.TAG_LENGTH);
        sealed[train.start(tampered) + at] ^= (byte) (1 << random.nextInt(8));
        MemorySegment memory = copy(arena, sealed);
        PacketRun run = train.run(memory);
        assertEquals(run.allPackets() & ~(1L << tampered), cipher.open(key, run), "train " + t);
        for (int i = 0; i < train.packets; i++) {
          if (i != tampered) {
            assertPlain(train, i, bytes(memory));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("ciphers")
  void tamperedAssociatedDataRefusesItsPacket(AeadBackend backend, AeadAlgorithm algorithm) {
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    Random random = new Random(3);
    int trains = 0;
    while (trains < 30) {
      RandomTrain train = new RandomTrain(random, algorithm);
      if (train.aadLength == 0 || train.aadStride == 0) {
        continue;
      }
      trains++;
      try (Arena arena = Arena.ofConfined();
          AeadKey key = train.key(algorithm)) {
        MemorySegment memory = copy(arena, train.sealedBy(other(backend), algorithm));
        int tampered = random.nextInt(train.packets);
        long at = (long) tampered * train.aadStride + random.nextInt(train.aadLength);
        byte old = memory.get(ValueLayout.JAVA_BYTE, at);
        memory.set(ValueLayout.JAVA_BYTE, at, (byte) (old ^ 0x80));
        PacketRun run = train.run(memory);
        assertEquals(run.allPackets() & ~(1L << tampered), cipher.open(key, run));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("ciphers")
  void anotherKeyCounterOrPrefixOpensNothing(AeadBackend backend, AeadAlgorithm algorithm) {
    RandomTrain train = new RandomTrain(new Random(4), algorithm);
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    byte[] sealed = train.sealedBy(other(backend), algorithm);
    byte[] otherKey = train.keyBytes.clone();
    otherKey[0] ^= 1;
    try (Arena arena = Arena.ofConfined();
        AeadKey key = train.key(algorithm);
        AeadKey wrongKey =
            new AeadKey(algorithm, SecretBytes.owning(otherKey), train.layout, train.prefix);
        AeadKey wrongPrefix =
            new AeadKey(
                algorithm, SecretBytes.copyOf(train.keyBytes), train.layout, ~train.prefix)) {
      PacketRun run = train.run(copy(arena, sealed));
      assertEquals(0, cipher.open(wrongKey, run));
      assertEquals(0, cipher.open(wrongPrefix, run));
      assertEquals(0, cipher.open(key, run.counting(train.firstCounter + 1)));
      assertEquals(run.allPackets(), cipher.open(key, run.counting(train.firstCounter)));
    }
  }

  @ParameterizedTest
  @MethodSource("ciphers")
  void keysTakeTurns(AeadBackend backend, AeadAlgorithm algorithm) {
    Random random = new Random(5);
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    RandomTrain one = new RandomTrain(random, algorithm);
    RandomTrain two = new RandomTrain(random, algorithm);
    try (Arena arena = Arena.ofConfined();
        AeadKey keyOne = one.key(algorithm);
        AeadKey keyTwo = two.key(algorithm)) {
      for (int turn = 0; turn < 6; turn++) {
        boolean first = turn % 2 == 0;
        RandomTrain train = first ? one : two;
        MemorySegment memory = copy(arena, train.plain);
        cipher.seal(first ? keyOne : keyTwo, train.run(memory));
        assertArrayEquals(train.sealedBy(other(backend), algorithm), bytes(memory));
        PacketRun run = train.run(memory);
        assertEquals(run.allPackets(), cipher.open(first ? keyOne : keyTwo, run));
        train.firstCounter += train.packets;
      }
    }
  }

  @ParameterizedTest
  @MethodSource("ciphers")
  void sealingAgainUnderTheNonceJustUsedFails(AeadBackend backend, AeadAlgorithm algorithm) {
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    try (Arena arena = Arena.ofConfined();
        AeadKey key = key(algorithm)) {
      MemorySegment memory = arena.allocate(200);
      PacketRun run = new PacketRun().at(memory, 0, 200).of(1, 100, 100).counting(7);
      cipher.seal(key, run);
      byte[] sealed = bytes(memory);
      assertThrows(IllegalStateException.class, () -> cipher.seal(key, run));
      assertArrayEquals(sealed, bytes(memory), "nothing was written");
      cipher.seal(key, run.counting(8));
      assertEquals(1, cipher.open(key, run));
    }
  }

  @ParameterizedTest
  @MethodSource("ciphers")
  void aClosedKeyNeitherSealsNorOpens(AeadBackend backend, AeadAlgorithm algorithm) {
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(2_200);
      PacketRun run = new PacketRun().at(memory, 0, 200).of(11, 100, 100).counting(7);
      AeadKey key = key(algorithm);
      cipher.seal(key, run);
      cipher.open(key, run);
      byte[] before = bytes(memory);
      key.close();
      assertThrows(IllegalStateException.class, () -> cipher.seal(key, run.counting(18)));
      assertThrows(IllegalStateException.class, () -> cipher.open(key, run));
      assertArrayEquals(before, bytes(memory), "nothing was written");
      try (AeadKey next = key(algorithm)) {
        cipher.seal(next, run.counting(40));
        assertEquals(run.allPackets(), cipher.open(next, run));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("ciphers")
  void forgettingKeysLeavesTheCipherUsable(AeadBackend backend, AeadAlgorithm algorithm) {
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    cipher.forgetKeys();
    cipher.forgetKeys();
    try (Arena arena = Arena.ofConfined();
        AeadKey key = key(algorithm)) {
      PacketRun run =
          new PacketRun().at(arena.allocate(2_200), 0, 200).of(11, 100, 100).counting(1);
      cipher.seal(key, run);
      cipher.forgetKeys();
      assertEquals(run.allPackets(), cipher.open(key, run));
    }
  }

  @ParameterizedTest
  @MethodSource("ciphers")
  void refusesAKeyOfTheOtherAlgorithm(AeadBackend backend, AeadAlgorithm algorithm) {
    AeadAlgorithm another =
        algorithm == AeadAlgorithm.AES_GCM
            ? AeadAlgorithm.CHACHA20_POLY1305
            : AeadAlgorithm.AES_GCM;
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    PacketRun run = new PacketRun().at(MemorySegment.ofArray(new byte[100]), 0, 0).of(1, 9, 9);
    try (AeadKey key = key(another)) {
      assertThrows(IllegalArgumentException.class, () -> cipher.seal(key, run));
    }
  }

  @ParameterizedTest
  @MethodSource("ciphers")
  void refusesARunWhoseTagsWouldLieOnTheNextPacket(AeadBackend backend, AeadAlgorithm algorithm) {
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    PacketRun run = new PacketRun().at(MemorySegment.ofArray(new byte[500]), 0, 115);
    try (AeadKey key = key(algorithm)) {
      assertThrows(IllegalArgumentException.class, () -> cipher.seal(key, run.of(2, 100, 100)));
      cipher.seal(key, run.of(2, 99, 99));
    }
  }

  @ParameterizedTest
  @MethodSource("ciphers")
  void takesPacketsOfAnySize(AeadBackend backend, AeadAlgorithm algorithm) {
    int length = 65_000;
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    try (Arena arena = Arena.ofConfined();
        AeadKey key = key(algorithm)) {
      MemorySegment memory = arena.allocate(70_000);
      PacketRun run =
          new PacketRun()
              .at(memory, 4_000, length)
              .of(1, length, length)
              .authenticating(0, 0, 4_000);
      cipher.seal(key, run);
      assertFalse(memory.asSlice(4_000, length).mismatch(arena.allocate(length)) == -1);
      assertEquals(1, cipher.open(key, run));
      assertEquals(-1, memory.mismatch(zeroButTag(arena, memory, 4_000L + length)));
    }
  }

  @Test
  void aMaskHasOneBitAPacket() {
    PacketRun run = new PacketRun();
    assertEquals(1, run.of(1, 0, 0).allPackets());
    assertEquals(7, run.of(3, 0, 0).allPackets());
    assertEquals(-1, run.of(64, 0, 0).allPackets());
  }

  @Test
  void aRunHasOneTo64PacketsAndNoLongerLast() {
    PacketRun run = new PacketRun();
    assertThrows(IllegalArgumentException.class, () -> run.of(0, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> run.of(65, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> run.of(2, 1, 2));
    assertThrows(IllegalArgumentException.class, () -> run.of(2, 1, -1));
  }

  private static AeadKey key(AeadAlgorithm algorithm) {
    byte[] bytes = new byte[32];
    new Random(9).nextBytes(bytes);
    return new AeadKey(algorithm, SecretBytes.owning(bytes), NonceLayout.LITTLE_ENDIAN_COUNTER, 0);
  }

  private static void assertPlain(RandomTrain train, int i, byte[] memory) {
    int from = train.start(i);
    int to = from + train.lengthOf(i);
    assertEquals(-1, Arrays.mismatch(train.plain, from, to, memory, from, to), "packet " + i);
  }

  private static MemorySegment zeroButTag(Arena arena, MemorySegment memory, long tagAt) {
    MemorySegment expected = arena.allocate(memory.byteSize());
    MemorySegment.copy(memory, tagAt, expected, tagAt, TrainCipher.TAG_LENGTH);
    return expected;
  }

  private static MemorySegment copy(Arena arena, byte[] bytes) {
    return arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
  }

  private static byte[] bytes(MemorySegment memory) {
    return memory.toArray(ValueLayout.JAVA_BYTE);
  }
}
