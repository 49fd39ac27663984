// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Marks;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import dev.culvert.routing.plan.Guard;
import dev.culvert.routing.plan.GuardExemption;
import dev.culvert.routing.plan.GuardText;
import dev.culvert.routing.plan.OuterHeaders;
import dev.culvert.routing.plan.Overlay;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Checks whether this machine's nftables supports all rules of the guard: by trying them in a
 * temporary network namespace, not by version numbers.
 */
public final class GuardCheck {
  private static final String ADVICE =
      "; Linux 5.4 and nftables 0.9.4 or later are known to do, with the modules nf_tables, nft_ct,"
          + " nft_fib_inet and nft_chain_nat";

  private static final String TABLE = "culvert_probe";

  /**
   * A rule that an old kernel accepts but never applies: it does not compare the input device of a
   * packet that has none, as packets of this host itself.
   */
  private static final String PROBE =
      """
      table inet %1$s {
        counter made_here { }
        chain out {
          type filter hook postrouting priority 0;
          meta iif 0 counter name made_here
        }
      }
      """
          .formatted(TABLE);

  /** A guard with every kind of rule. */
  private static final Guard SAMPLE =
      new Guard(
          List.of("eth0"),
          List.of("eth0"),
          List.of("eth0"),
          "culvert0",
          both("192.0.2.1", "2001:db8::1"),
          List.of(IpAddress.parse("192.0.2.1"), IpAddress.parse("2001:db8::1")),
          both("10.0.1.0/24", "fd00:1::/64"),
          both("192.0.2.2", "2001:db8::2"),
          both("192.0.2.0/24", "2001:db8::/64"),
          both("10.0.2.0/24", "fd00:2::/64"),
          both("10.0.0.0/16", "fd00::/16"),
          both("10.0.2.0/24", "fd00:2::/64"),
          new OuterHeaders(Marks.DEFAULT.encapsulation(), 4500, true),
          Marks.DEFAULT.bypass(),
          new Overlay(Marks.DEFAULT.overlay(), List.of(), false),
          List.of(
              new GuardExemption(
                  "sample",
                  6,
                  List.of(PortRange.of(6443), new PortRange(2379, 2380)),
                  List.of(IpAddress.parse("192.0.2.1"), IpAddress.parse("2001:db8::1")),
                  List.of(IpAddress.parse("192.0.2.2"), IpAddress.parse("2001:db8::2")),
                  true)),
          EnumSet.of(TrafficClass.POD_TO_NODE),
          true,
          true,
          true);

  private GuardCheck() {}

  private static List<Prefix> both(String v4, String v6) {
    return List.of(Prefix.parse(v4), Prefix.parse(v6));
  }

  /**
   * Tries the rules.
   *
   * @return the missing feature, and the remedy; empty if none is missing, or if no namespace may
   *     be made
   */
  public static Optional<String> fault() {
    return fault(GuardText.of(SAMPLE), PROBE);
  }

  static Optional<String> fault(String guard, String probe) {
    CompletableFuture<Optional<String>> result = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .name("guard-check")
        .start(
            () -> {
              try {
                boolean apart = LIBC.unshare(LibC.CLONE_NEWNET) == 0;
                result.complete(apart ? faultHere(guard, probe) : Optional.empty());
              } catch (IOException | RuntimeException e) {
                result.complete(Optional.of(e.getMessage() + ADVICE));
              }
            });
    return result.join();
  }

  private static Optional<String> faultHere(String guard, String probe) throws IOException {
    Nft.load(guard);
    GuardTable.remove();
    Nft.load(probe);
    try (Netlink netlink = Netlink.open()) {
      Links links = new Links(netlink);
      links.setUp(links.get("lo").index(), true);
    }
    byte[] text = "probe".getBytes(US_ASCII);
    try (DatagramSocket socket = new DatagramSocket()) {
      InetAddress here = InetAddress.ofLiteral("127.0.0.1");
      socket.send(new DatagramPacket(text, text.length, here, socket.getLocalPort()));
    }
    String counter = Nft.run("", "list", "counter", "inet", TABLE, "made_here");
    return counter.contains("packets 1 ")
        ? Optional.empty()
        : Optional.of("this kernel's nftables does not tell this host's own packets" + ADVICE);
  }
}
