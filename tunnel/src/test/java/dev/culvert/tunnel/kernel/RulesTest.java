// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.routing.Mark;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.RulePlan;
import dev.culvert.tunnel.kernel.RuleDiff.Step;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Policy rules are written as the kernel reads them, only ours are listed, and any set of rules
 * replaces any other without a gap.
 */
class RulesTest {
  private static final Prefix NODE = Prefix.parse("192.0.2.7/32");
  private static final Prefix PODS = Prefix.parse("10.20.0.0/16");

  private static final RulePlan EXEMPT =
      new RulePlan(true, 200, true, null, NODE, 6, null, new PortRange(2379, 2380), null, 254);
  private static final RulePlan ALL =
      new RulePlan(
          true,
          200,
          true,
          PODS,
          NODE,
          6,
          PortRange.of(6443),
          new PortRange(2379, 2380),
          new Mark(0x100, 0xf00),
          7101);

  private static final RulePlan NOWHERE =
      RulePlan.marked(true, 101, new Mark(0x100, 0xf00), RulePlan.UNREACHABLE);

  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text.replace(" ", ""));
  }

  /** Laid out by hand after linux/rtnetlink.h and linux/fib_rules.h, little-endian. */
  @Test
  void anExemptionIsWrittenAsTheKernelReadsIt() {
    assumeTrue(ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN, "bytes are little-endian");
    byte[] expected =
        hex(
            // nlmsghdr: 84 bytes, RTM_NEWRULE, REQUEST|ACK|CREATE, sequence 9, port 0
            "54000000 2000 0504 09000000 00000000"
                // fib_rule_hdr: AF_INET, dst 32, src 0, tos 0, table 0, -, -, FR_ACT_TO_TBL, flags
                + "02 20 00 00 00 00 00 01 00000000"
                + "0800 0600 c8000000" // FRA_PRIORITY 200
                + "0800 0f00 fe000000" // FRA_TABLE main
                + "0500 1500 c7 000000" // FRA_PROTOCOL
                + "0800 0100 c0000207" // FRA_DST
                + "0700 0300 6c6f00 00" // FRA_IIFNAME lo
                + "0500 1600 06 000000" // FRA_IP_PROTO
                + "0800 1800 4b094c09"); // FRA_DPORT_RANGE
    byte[] written = Rules.write(Rules.RTM_NEWRULE, NetlinkMessage.NLM_F_CREATE, EXEMPT).toBytes(9);
    assertEquals(HexFormat.of().formatHex(expected), HexFormat.of().formatHex(written));
  }

  @Test
  void aMarkIsWrittenWithItsMask() {
    RulePlan rule = RulePlan.marked(false, 100, new Mark(0x100, 0xf00), 254);
    byte[] written = Rules.write(Rules.RTM_DELRULE, 0, rule).toBytes(1);
    ByteBuffer tail = ByteBuffer.wrap(written, written.length - 16, 16).slice();
    tail.order(ByteOrder.nativeOrder());
    assertEquals(10, tail.getShort(2)); // FRA_FWMARK
    assertEquals(0x100, tail.getInt(4));
    assertEquals(16, tail.getShort(10)); // FRA_FWMASK
    assertEquals(0xf00, tail.getInt(12));
    assertEquals(LibC.AF_INET6, written[16]);
  }

  @Test
  void aRuleThatLeadsNowhereNamesNoTable() {
    byte[] written = Rules.write(Rules.RTM_NEWRULE, 0, NOWHERE).toBytes(1);
    assertEquals(7, written[16 + 7]); // FR_ACT_UNREACHABLE
    assertEquals(0, written[16 + 12 + 8 + 4], "FRA_TABLE");
  }

  private static @Nullable RulePlan read(byte[] bytes) throws Exception {
    return Rules.parse(NetlinkMessage.parse(ByteBuffer.wrap(bytes)).getFirst());
  }

  private static byte[] written(RulePlan rule) {
    return Rules.write(Rules.RTM_NEWRULE, 0, rule).toBytes(1);
  }

  @Test
  void whatIsWrittenIsRead() throws Exception {
    for (RulePlan rule : List.of(EXEMPT, ALL, RulePlan.to(210, PODS, 7101), NOWHERE)) {
      assertEquals(rule, read(written(rule)));
    }
  }

  @Test
  void aRangeOfAllAddressesIsNoSelector() throws Exception {
    RulePlan any = RulePlan.to(230, Prefix.parse("0.0.0.0/0"), 7101);
    assertEquals(Rules.canonical(any), read(written(any)));
    assertEquals(List.of(), RuleDiff.steps(List.of(Rules.canonical(any)), List.of(any)));
  }

  @Test
  void rulesOfOthersAndOfOtherKindsAreNotOurs() throws Exception {
    byte[] theirs = written(EXEMPT);
    theirs[16 + 12 + 8 + 8 + 4] = 4; // FRA_PROTOCOL: RTPROT_STATIC
    assertNull(read(theirs));
    byte[] inverted = written(EXEMPT);
    inverted[16 + 8] = 2; // FIB_RULE_INVERT
    assertNull(read(inverted));
    byte[] unreachable = written(EXEMPT);
    unreachable[16 + 7] = 7; // FR_ACT_UNREACHABLE
    assertNull(read(unreachable));
    byte[] elsewhere = written(EXEMPT);
    elsewhere[16 + 12 + 24 + 8 + 4] = 'x'; // FRA_IIFNAME xo
    assertNull(read(elsewhere));
    NetlinkWriter more =
        Rules.write(Rules.RTM_NEWRULE, 0, EXEMPT).attribute(17, "eth0"); // FRA_OIFNAME
    assertNull(read(more.toBytes(1)));
  }

  // ---- the way from one set of rules to another

  /** Handles a request as the kernel does: adds behind, deletes the first that fits. */
  private static void run(List<RulePlan> table, Step step) {
    if (step.add()) {
      table.add(step.rule());
      return;
    }
    for (RulePlan rule : table) {
      if (Rules.deletes(step.rule(), rule)) {
        table.remove(rule);
        return;
      }
    }
    throw new AssertionError("nothing to " + step);
  }

  @Test
  void whatIsMissingComesBeforeWhatIsSurplusGoes() {
    RulePlan before = RulePlan.to(210, PODS, 7101);
    RulePlan after = RulePlan.to(210, PODS, 7102);
    assertEquals(
        List.of(new Step(true, after), new Step(false, before)),
        RuleDiff.steps(List.of(before), List.of(after)));
    assertEquals(List.of(), RuleDiff.steps(List.of(after), List.of(after)));
  }

  @Test
  void aRuleThatADeletionHitsByMistakeIsThereTwiceMeanwhile() {
    RulePlan narrow = RulePlan.to(210, PODS, 7101);
    RulePlan wide = RulePlan.to(210, Prefix.parse("0.0.0.0/0"), 7101);
    assertEquals(
        List.of(
            new Step(true, narrow),
            new Step(false, Rules.canonical(wide)),
            new Step(false, Rules.canonical(wide))),
        RuleDiff.steps(List.of(narrow, Rules.canonical(wide)), List.of(narrow)));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void anySetOfRulesBecomesAnyOtherWithoutAGap(long seed) {
    Random random = new Random(seed);
    for (int round = 0; round < 400; round++) {
      List<RulePlan> table = new ArrayList<>();
      List<RulePlan> wanted = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        (random.nextBoolean() ? table : wanted).add(anyRule(random));
      }
      Set<RulePlan> held = new HashSet<>(table);
      held.retainAll(wanted);
      for (Step step : RuleDiff.steps(List.copyOf(table), wanted)) {
        run(table, step);
        assertTrue(table.containsAll(held), "round " + round + ": gap after " + step);
        held.addAll(wanted.stream().filter(table::contains).toList());
        assertTrue(step.add() || held.containsAll(wanted), "round " + round + ": " + step);
      }
      assertEquals(new HashSet<>(wanted).size(), table.size(), "round " + round);
      assertEquals(new HashSet<>(wanted), new HashSet<>(table));
    }
  }

  /** Of so few kinds that rules are often alike, or one narrower than another. */
  private static RulePlan anyRule(Random random) {
    boolean tcp = random.nextBoolean();
    int marked = random.nextInt(3);
    return new RulePlan(
        true,
        200 + random.nextInt(2),
        random.nextBoolean(),
        random.nextBoolean() ? PODS : null,
        null,
        tcp ? 6 : 0,
        tcp && random.nextBoolean() ? PortRange.of(6443) : null,
        null,
        marked == 0 ? null : new Mark(marked - 1, 1),
        7101);
  }

  @Test
  void garbageIsRefusedOrReadAndNothingElse() {
    Random random = new Random(5);
    int refused = 0;
    for (int round = 0; round < 20_000; round++) {
      byte[] bytes = written(ALL);
      for (int i = 0; i < 3; i++) {
        bytes[16 + random.nextInt(bytes.length - 16)] = (byte) random.nextInt(256);
      }
      try {
        read(bytes);
      } catch (ProtocolException e) {
        refused++;
      } catch (Exception e) {
        throw new AssertionError(HexFormat.of().formatHex(bytes), e);
      }
    }
    assertTrue(refused > 200, refused + " refused");
  }
}
