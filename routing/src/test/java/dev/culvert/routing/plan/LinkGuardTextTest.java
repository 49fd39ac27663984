// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.Clusters;
import dev.culvert.routing.Mark;
import dev.culvert.routing.Policy;
import dev.culvert.routing.TrafficClass;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * The guard's second layer drops tagged and untagged packets to other nodes on every physical
 * device if the policy is strict, and the tunnel's mark alone opens nothing.
 */
class LinkGuardTextTest {
  private static String text(boolean strict, boolean rawEsp) {
    return text(EnumSet.noneOf(TrafficClass.class), strict, rawEsp);
  }

  private static String text(Set<TrafficClass> encrypted, boolean strict, boolean rawEsp) {
    LinkFacts facts =
        new LinkFacts(
            "culvert0",
            1420,
            1995,
            List.of("eth0"),
            List.of("eth0", "eth1"),
            List.of(),
            new OuterHeaders(new Mark(0x100, 0xf00), 51820, rawEsp),
            new Mark(0x200, 0xf00),
            new Overlay(new Mark(0x300, 0xf00), List.of(), false),
            true);
    Policy policy = new Policy(encrypted, strict, true, List.of());
    KernelPlan plan = PlanCompiler.compile(Clusters.three(), policy, "worker-1", facts);
    return LinkGuardText.of(plan.guard(), plan.guard().physical(), 5, 600);
  }

  @Test
  void itLiesOnAllPhysicalDevicesAndGoesOnCounting() {
    String text = text(true, false);
    assertTrue(text.contains("hook egress devices = { \"eth0\", \"eth1\" } "), text);
    assertTrue(text.contains("counter link_out { packets 5 bytes 600 }"), text);
  }

  @Test
  void taggedAndUntaggedPacketsToTheOthersAreDroppedInBothFamilies() {
    assertEquals(
        4,
        text(true, false)
            .lines()
            .filter(line -> line.contains("daddr @") && line.endsWith(" link_out drop"))
            .count());
    assertEquals(
        3,
        text(true, false)
            .lines()
            .filter(line -> line.contains("0x0fff == 0 counter name link_out drop"))
            .count());
    assertEquals(2, text(true, false).lines().filter(line -> line.contains(" vlan type ")).count());
    assertEquals(0, text(false, false).lines().filter(line -> line.endsWith(" drop")).count());
  }

  @Test
  void theMarkAloneOpensNothingForEncapsulation() {
    assertEquals(
        List.of(
            "meta mark & 0x00000f00 == 0x00000100 meta skuid >= 0 udp sport 51820 accept",
            "meta mark & 0x00000f00 == 0x00000100 meta skuid >= 0 ip frag-off & 0x1fff != 0 ip"
                + " protocol udp accept",
            "meta mark & 0x00000f00 == 0x00000100 meta skuid >= 0 frag frag-off != 0 accept",
            "meta mark & 0x00000f00 == 0x00000100 meta skuid >= 0 meta l4proto esp accept"),
        text(true, true)
            .lines()
            .map(String::strip)
            .filter(line -> line.contains("0x00000100"))
            .toList());
  }

  @Test
  void whatPassesTheFirstLayerInClearIsOfAHostsSocketUnlessAClassIsLeftInClear() {
    String strict = text(EnumSet.allOf(TrafficClass.class), true, false);
    assertTrue(strict.contains("== 0x00000200 meta cgroup >= 0 accept"), strict);
    assertTrue(text(true, false).contains("== 0x00000200 accept"));
  }
}
