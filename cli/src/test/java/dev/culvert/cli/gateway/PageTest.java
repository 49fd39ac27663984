// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Browser;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.daemon.config.ObservabilityConfig;
import dev.culvert.lab.LabFiles;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** A gateway's page in a real browser: it follows the gateway, and fits a telephone. */
@Tag("integration")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class PageTest {
  private static final String PAGE = "http://" + ObservabilityConfig.DEFAULT_LISTEN + "/";

  private static TestLab lab;
  private static Browser browser;

  @TempDir static Path root;

  @BeforeAll
  static void start() throws IOException {
    Requirements.namespaces();
    Browser.require();
    lab = new TestLab();
    String yaml = Files.readString(lab.gatewayA.configuration());
    LabFiles.writePrivate(
        lab.gatewayA.configuration(),
        yaml.replaceFirst(
            "spec:\n",
            "spec:\n  observability: {listen: '" + ObservabilityConfig.DEFAULT_LISTEN + "'}\n"));
    culvert("reload", lab.network.a.interfaceName());
    assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
    browser = Browser.start(lab.network.a.node(), root);
  }

  @AfterAll
  static void remove() {
    if (browser != null) { // Null if the class was skipped.
      browser.close();
    }
    if (lab != null) {
      lab.close();
    }
  }

  private static String culvert(String... arguments) {
    return lab.network.a.node().run(Culvert.command(arguments).toArray(String[]::new)).out();
  }

  private static String verdict() {
    return browser.text("document.querySelector('#verdict').className");
  }

  private static String partOf(String id) {
    return browser.text("document.querySelector('#" + id + "').innerText");
  }

  private static boolean fitsItsWidth() {
    return browser
        .text("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        .equals("true");
  }

  @Test
  @Order(1)
  void showsPeersTrafficAndExemptionsOnAScreenAndOnATelephone() throws IOException {
    browser.resize(1280, 900);
    browser.open(PAGE);
    assertEquals("good", verdict(), () -> partOf("verdict"));
    assertTrue(partOf("peers").contains("established"), () -> partOf("peers"));
    assertTrue(fitsItsWidth());
    picture("page.png");
    browser.resize(360, 800);
    browser.open(PAGE);
    assertTrue(fitsItsWidth(), "a telephone's width");
    picture("page-360.png");
  }

  /** For the documents: the pictures there are of such a run. */
  private static void picture(String name) throws IOException {
    byte[] png = browser.picture();
    assertTrue(png.length > 5_000, "a picture with contents");
    Files.write(Culvert.launcher("cli/target/" + name), png);
  }

  @Test
  @Order(2)
  void theScriptFollowsTheGatewayWithoutLosingWhatIsTyped() {
    browser.open(PAGE);
    browser.text("document.querySelector('#peer').value = 'half a na'");
    String before = partOf("throughput");
    assertTrue(lab.podsReachEachOther());
    assertTrue(Waiting.until(Commands.PATIENCE, () -> !partOf("throughput").equals(before)));
    assertEquals("half a na", browser.text("document.querySelector('#peer').value"));
  }

  @Test
  @Order(3)
  void aQuestionAboutAPacketIsAnsweredAsByTheCommand() {
    browser.open(PAGE);
    String from = lab.network.a.podAddress();
    String to = lab.network.b.podAddress();
    browser.text(
        "document.querySelector('#from').value = '%s'; document.querySelector('#to').value = '%s';"
                .formatted(from, to)
            + "document.querySelector('#question button').click()");
    assertTrue(Waiting.until(Commands.PATIENCE, () -> !partOf("answer").isBlank()));
    List<String> lines =
        culvert("routes", lab.network.a.interfaceName(), "--explain", from, to)
            .lines()
            .map(String::strip)
            .toList();
    List<String> shown =
        partOf("answer").lines().map(String::strip).filter(l -> !l.isEmpty()).toList();
    assertEquals(lines, shown);
  }

  @Test
  @Order(4)
  void withoutScriptsTheTablesAreThere() {
    browser.scripts(false);
    try {
      browser.open(PAGE);
      assertTrue(partOf("peers").contains("established"), () -> partOf("peers"));
    } finally {
      browser.scripts(true);
    }
  }

  @Test
  @Order(5)
  void nothingIsRefusedByThePolicyAndNothingComesFromElsewhere() {
    browser.open(PAGE);
    assertEquals(List.of(), browser.errors());
    assertEquals(
        "",
        browser.text(
            "performance.getEntriesByType('resource').map(e => e.name)"
                + ".filter(n => !n.startsWith('"
                + PAGE
                + "')).join()"));
  }

  @Test
  @Order(6)
  void anotherSitesNameIsRefused() {
    Commands.Result answered =
        lab.network
            .a
            .node()
            .attempt(
                "curl",
                "-sS",
                "-o",
                "/dev/null",
                "-w",
                "%{http_code}",
                "-H",
                "Host: evil.example",
                PAGE);
    assertEquals("421", answered.out());
  }

  @Test
  @Order(7)
  void topShowsTheSameVerdict() {
    String once = culvert("top", lab.network.a.interfaceName(), "--once");
    assertTrue(once.contains("GOOD"), once);
    assertTrue(once.contains("established"), once);
    assertFalse(once.contains("\033"), "no orders to a terminal");
  }

  /** Takes the guard away, so it comes last. The keeper would put it back within milliseconds. */
  @Test
  @Order(8)
  void theVerdictTurnsBadWhenTheGatewayNoLongerProtects() {
    browser.open(PAGE);
    assertEquals("good", verdict());
    lab.gatewayB.kill();
    Commands.Result pinged =
        lab.network
            .a
            .pod()
            .attempt("ping", "-n", "-c", "30", "-i", "0.5", "-W", "1", lab.network.b.podAddress());
    assertFalse(pinged.succeeded());
    assertTrue(
        Waiting.until(Commands.PATIENCE.multipliedBy(3), () -> verdict().equals("warn")),
        () -> partOf("verdict"));
    assertTrue(partOf("peers").contains("stale"), () -> partOf("peers"));
  }
}
