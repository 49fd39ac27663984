// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Congestion marks are combined as RFC 6040 says, and DSCP stays in the inner header. */
class EcnTest {
  @Test
  void outerHeaderCarriesTheMarkButNotTheDscp() {
    for (int tos = 0; tos < 256; tos++) {
      assertEquals(tos & 3, Ecn.encapsulate(tos));
    }
  }

  /** RFC 6040, figure 4: inner; outer Not-ECT, ECT(0), ECT(1), CE. */
  @ParameterizedTest
  @CsvSource({"0, 0, 0, 0, -1", "2, 2, 2, 1, 3", "1, 1, 1, 1, 3", "3, 3, 3, 3, 3"})
  void combinesAsTheTableSays(int inner, int notEct, int ect0, int ect1, int ce) {
    int[] outer = {Ecn.NOT_ECT, Ecn.ECT_0, Ecn.ECT_1, Ecn.CE};
    int[] expected = {notEct, ect0, ect1, ce};
    for (int i = 0; i < 4; i++) {
      assertEquals(expected[i], Ecn.decapsulate(outer[i], inner));
      assertPatched(true, outer[i], inner, expected[i]);
      assertPatched(false, outer[i], inner, expected[i]);
    }
  }

  /** Only the field and the header checksum change. */
  private static void assertPatched(boolean v4, int outer, int inner, int expected) {
    for (int id = 0; id < 500; id++) {
      TestPacket before =
          TestPacket.of(v4, true, new byte[5]).withId(id * 131).withTos(0xb8 | inner);
      byte[] packet = before.toBytes();
      boolean deliver = Ecn.decapsulate(MemorySegment.ofArray(packet), 0, outer);
      assertEquals(expected != Ecn.DROP, deliver);
      TestPacket after = deliver ? before.withTos(0xb8 | expected) : before;
      assertArrayEquals(after.toBytes(), packet);
    }
  }

  @Test
  void wrongHeaderChecksumStaysWrong() {
    byte[] packet = TestPacket.of(true, true, new byte[5]).withTos(2).toBytes();
    packet[10] ^= 0x40;
    byte[] expected = TestPacket.of(true, true, new byte[5]).withTos(3).toBytes();
    Ecn.decapsulate(MemorySegment.ofArray(packet), 0, Ecn.CE);
    assertFalse(packet[10] == expected[10] && packet[11] == expected[11]);
  }
}
