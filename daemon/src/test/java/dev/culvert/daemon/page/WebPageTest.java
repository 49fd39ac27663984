// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.admin.OverviewView;
import dev.culvert.daemon.admin.OverviewView.Amount;
import dev.culvert.daemon.admin.OverviewView.Drop;
import dev.culvert.daemon.admin.OverviewView.ExemptionRow;
import dev.culvert.daemon.admin.OverviewView.Flow;
import dev.culvert.daemon.admin.OverviewView.Lane;
import dev.culvert.daemon.admin.OverviewView.Level;
import dev.culvert.daemon.admin.OverviewView.Peer;
import dev.culvert.daemon.admin.OverviewView.TrafficRow;
import dev.culvert.daemon.admin.OverviewView.Verdict;
import dev.culvert.daemon.admin.RoutesView.ExplanationView;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The page tells the whole state without its script, and no name becomes markup. */
final class WebPageTest {
  private OverviewView now = view(List.of(peer("a", "established"), peer("b", "stale")));
  private final PageServer server =
      new PageServer(
          new PageServer.Gateway() {
            @Override
            public OverviewView overview() {
              return now;
            }

            @Override
            public List<Amount> traffic() {
              return List.of(new Amount(1, 100), new Amount(2, 200));
            }

            @Override
            public ExplanationView explain(List<String> ends) throws IOException {
              if (ends.getFirst().isEmpty()) {
                throw new IOException("'' is not an address");
              }
              return new ExplanationView("encrypted", List.of(String.join(" to ", ends)));
            }
          });

  @AfterEach
  void close() {
    server.close();
  }

  private static Peer peer(String name, String state) {
    return new Peer(name, "192.0.2.1:51820", state, 1_000L, 10, 20, "10.244.1.0/24");
  }

  private static OverviewView view(List<Peer> peers) {
    return new OverviewView(
        "culvert0",
        "wireguard",
        "1.0",
        1_060,
        1_000,
        new Verdict(Level.BAD, "Traffic of this node needs attention now.", List.of("A remark.")),
        new Flow(10, 1_000, 5),
        new Flow(20, 2_000, 5),
        peers,
        List.of(
            new TrafficRow(
                "pod_node",
                new Amount(5, 500),
                new Amount(0, 0),
                new Amount(0, 0),
                new Amount(1, 60))),
        List.of(new Drop("bad_tag", "in", 1_234)),
        List.of(new ExemptionRow("etcd", "tcp 2379-2380", "control-plane", new Amount(3, 300))),
        List.of(new Lane(0, 0.25, 0)),
        null,
        null);
  }

  private String page(String query) {
    return new String(server.page(query).body(), StandardCharsets.UTF_8);
  }

  @Test
  void verdictPeersTrafficDropsAndExemptionsAreThere() {
    String page = page("");
    for (String part :
        List.of(
            "class=\"bad\"",
            "Traffic of this node needs attention now.",
            "A remark.",
            "pod to node",
            "1 packets, 60 B",
            "bad_tag",
            "1,234",
            "tcp 2379-2380",
            "25.0 %",
            "10.244.1.0/24")) {
      assertTrue(page.contains(part), part);
    }
  }

  @Test
  void peersThatNeedAttentionComeFirst() {
    String page = page("");
    String rows = page.substring(page.indexOf("aria-label=\"Peers\""));
    assertTrue(rows.indexOf("class=\"stale\"") < rows.indexOf("class=\"established\""), rows);
  }

  @Test
  void aNameIsNoMarkup() {
    now = view(List.of(peer("<script>alert(\"x\")</script>&", "idle")));
    String page = page("peer=%3Cb%3E%22");
    assertFalse(page.contains("<script>alert"), page);
    assertFalse(page.contains("<b>"), page);
    assertTrue(page.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;"), page);
  }

  @Test
  void thePageHasNeitherInlineScriptNorInlineStyle() {
    String page = page("from=10.0.0.1&to=10.0.0.2");
    assertEquals(1, page.split("<script", -1).length - 1);
    assertTrue(page.contains("<script src=\"page.js\""), page);
    assertFalse(page.contains("style="), page);
    assertFalse(page.matches("(?s).*\\son[a-z]+=.*"), page);
  }

  @Test
  void onlyThePeersThatAreAskedForAreListed() {
    now = view(IntStream.range(0, 300).mapToObj(i -> peer("node-" + i, "idle")).toList());
    String all = page("");
    assertTrue(all.contains("The first 200 of 300 peers"), "says that there are more");
    String some = page("peer=NODE-29");
    String rows = some.substring(some.indexOf("aria-label=\"Peers\""));
    assertEquals(11, rows.split("class=\"name\"", -1).length - 1);
  }

  @Test
  void aQuestionIsAnsweredAndABadOneSaysWhy() {
    String answered = page("from=10.0.0.1&to=fd00%3A%3A2&protocol=tcp&port=80");
    assertTrue(answered.contains("10.0.0.1 to [fd00::2]:80/tcp"), answered);
    assertTrue(
        page("to=10.0.0.2").contains("&#39;&#39; is not an address")
            || page("to=10.0.0.2").contains("'' is not an address"));
  }

  @Test
  void anAddressThatIsMalformedIsRefused() {
    assertEquals(400, server.page("peer=%zz").status());
    assertEquals(400, server.page("peer=" + "x".repeat(101)).status());
  }

  @Test
  void onlyOwnNamesAreAnswered() {
    for (String own :
        List.of(
            "127.0.0.1:9586",
            "localhost:9586",
            "LOCALHOST",
            "[::1]:9586",
            "[fe80::1%eth0]",
            "n1:1")) {
      assertTrue(PageServer.isOwnName(own, "n1"), own);
    }
    for (String foreign :
        List.of("evil.example:9586", "127.0.0.1.evil.example", "n1.evil.example", "", "[x]")) {
      assertFalse(PageServer.isOwnName(foreign, "n1"), foreign);
    }
    assertFalse(PageServer.isOwnName(null, "n1"));
  }
}
