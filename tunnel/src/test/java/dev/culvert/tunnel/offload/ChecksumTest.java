// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Checksums equal a plain loop's at every length and alignment, and UDP sends 0 as all ones. */
class ChecksumTest {
  private static int folded(byte[] bytes) {
    return Checksum.word(TestPacket.naiveSum(bytes));
  }

  @Test
  void sumsWhatTheNaiveRoutineSumsAtEveryLengthAndAlignment() {
    Random random = new Random(1);
    for (int length = 0; length < 200; length++) {
      for (int at = 0; at < 9; at++) {
        byte[] bytes = TestPacket.bytes(random, at + length);
        MemorySegment memory = MemorySegment.ofArray(bytes);
        byte[] counted = Arrays.copyOfRange(bytes, at, bytes.length);
        assertEquals(folded(counted), Checksum.fold(Checksum.sum(memory, at, length)));
        byte[] copy = new byte[length + 11];
        long sum = Checksum.copyAndSum(memory, at, MemorySegment.ofArray(copy), 11, length);
        assertEquals(folded(counted), Checksum.fold(sum));
        assertArrayEquals(counted, Arrays.copyOfRange(copy, 11, copy.length));
        assertArrayEquals(new byte[11], Arrays.copyOf(copy, 11));
      }
    }
  }

  @Test
  void carriesAreNotLost() {
    byte[] ones = new byte[65_535];
    Arrays.fill(ones, (byte) 0xff);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = TestPacket.inMemory(arena, ones);
      assertEquals(folded(ones), Checksum.fold(Checksum.sum(memory, 0, ones.length)));
    }
    assertEquals(0xffff, Checksum.fold(-1L));
    assertEquals(0xffff, Checksum.fold(0xffff_ffff_0000_0000L));
    assertEquals(1, Checksum.fold(0x1_0000L));
    assertEquals(0, Checksum.fold(0));
  }

  @Test
  void numbersCountAsTheirBytesDo() {
    byte[] bytes = {0x12, 0x34, 0x56, 0x78};
    MemorySegment memory = MemorySegment.ofArray(bytes);
    long sum = Checksum.sum(memory, 0, 4);
    assertEquals(sum, Checksum.doubleWord(0x12345678));
    assertEquals(Checksum.sum(memory, 2, 2), Checksum.word(0x5678));
    assertEquals(Checksum.word(0x5678), Checksum.fold(sum + Checksum.without(0x1234)));
  }

  @Test
  void udpSendsAllOnesForZero() {
    MemorySegment memory = MemorySegment.ofArray(new byte[2]);
    Checksum.putUdp(memory, 0, 0xffff);
    assertEquals(-1, memory.get(ValueLayout.JAVA_SHORT_UNALIGNED, 0));
    Checksum.put(memory, 0, 0xffff);
    assertEquals(0, memory.get(ValueLayout.JAVA_SHORT_UNALIGNED, 0));
  }
}
