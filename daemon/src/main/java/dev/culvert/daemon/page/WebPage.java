// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.page;

import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.admin.OverviewView;
import dev.culvert.daemon.admin.OverviewView.Amount;
import dev.culvert.daemon.admin.OverviewView.Drop;
import dev.culvert.daemon.admin.OverviewView.ExemptionRow;
import dev.culvert.daemon.admin.OverviewView.Keys;
import dev.culvert.daemon.admin.OverviewView.Lane;
import dev.culvert.daemon.admin.OverviewView.TrafficRow;
import dev.culvert.daemon.admin.PeerRates;
import dev.culvert.daemon.admin.RoutesView.ExplanationView;
import dev.culvert.daemon.admin.Units;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes the page. It is whole without its script, which only fetches it again each second and
 * replaces the elements marked {@code data-live}, so that forms keep their contents.
 */
final class WebPage {
  private final OverviewView now;
  private final List<History.Rate> history;
  private final PageQuery query;
  private final PeerTable peers;
  private final @Nullable Answer answer;

  /**
   * The answer to the question about a packet.
   *
   * @param outcome or why there is none
   */
  record Answer(String outcome, List<String> lines) {
    static Answer of(ExplanationView explanation) {
      return new Answer(explanation.outcome(), explanation.lines());
    }
  }

  /**
   * @param answer null if nothing was asked
   */
  WebPage(
      OverviewView now,
      List<History.Rate> history,
      Map<String, PeerRates.Rate> rates,
      PageQuery query,
      @Nullable Answer answer) {
    this.now = now;
    this.history = history;
    this.query = query;
    this.answer = answer;
    peers = new PeerTable(now, rates, query);
  }

  String render() {
    Html html = new Html();
    head(html, now.interfaceName(), true);
    verdict(html);
    section(html, "traffic", "Traffic between nodes", () -> traffic(html));
    section(html, "fields", "Peers by state", () -> peers.addFields(html));
    section(html, "throughput", "Throughput", () -> throughput(html));
    peerForm(html);
    section(html, "peers", "Peers", () -> peers.addRows(html));
    section(html, "drops", "Dropped packets", () -> drops(html));
    section(html, "exemptions", "Exemptions", () -> exemptions(html));
    Keys keys = now.keys();
    if (keys != null) {
      section(html, "keys", "Keys", () -> keys(html, keys));
    }
    ControlPlaneView api = now.controlPlane();
    if (api != null) {
      section(html, "api", "Kubernetes API", () -> controlPlane(html, api));
    }
    question(html);
    return foot(html).toString();
  }

  /** The page of somebody who has not given the token yet. */
  static String askForToken() {
    Html html = new Html();
    head(html, "token", false);
    html.open("main").element("h1", "Culvert");
    html.open("form", "id", "token");
    html.element("label", "Token of this gateway's endpoint (tokenFile)", "for", "secret");
    html.open("input", "id", "secret", "type", "password", "autocomplete", "off");
    html.element("button", "Show").close();
    html.element("p", "The browser keeps it until this tab is closed.");
    html.element("p", "The page needs its script for this.", "class", "noscript");
    return foot(html).toString();
  }

  private static void head(Html html, String title, boolean refreshes) {
    html.open("html", "lang", "en").open("head");
    html.open("meta", "charset", "utf-8");
    html.open("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
    html.element("title", "Culvert: " + title);
    html.open("link", "rel", "icon", "href", "data:,");
    html.open("link", "rel", "stylesheet", "href", "page.css");
    if (refreshes) {
      html.open("noscript").open("meta", "http-equiv", "refresh", "content", "5").close();
    }
    html.open("script", "src", "page.js", "defer", "defer").close();
    html.close().open("body").line();
    html.element("p", "This gateway does not answer.", "id", "offline", "role", "alert");
    if (refreshes) {
      html.open("main");
    }
  }

  private static Html foot(Html html) {
    return html.close().close().close().line();
  }

  private static void section(Html html, String id, String title, Runnable content) {
    html.open("section", "id", id, "data-live", "");
    html.element("h2", title);
    content.run();
    html.close().line();
  }

  private void verdict(Html html) {
    String level = now.verdict().level().name().toLowerCase(Locale.ROOT);
    html.open("section", "id", "verdict", "data-live", "", "class", level);
    html.element("h1", now.verdict().text());
    html.open("ul");
    now.verdict().remarks().forEach(remark -> html.element("li", remark));
    html.close();
    html.element(
        "p",
        "%s, %s, Culvert %s, started %s"
            .formatted(
                now.interfaceName(),
                now.engine(),
                now.version(),
                Units.ago((long) now.since(), (long) now.at())));
    html.close().line();
  }

  private void traffic(Html html) {
    if (now.traffic().isEmpty()) {
      html.element("p", "This gateway steers no traffic, so it cannot tell.");
      return;
    }
    html.openTable("Traffic", "from, to", "encrypted", "exempt", "dropped", "in clear");
    for (TrafficRow row : now.traffic()) {
      html.open("tr").element("th", row.traffic().replace("_", " to "), "scope", "row");
      cell(html, "encrypted", row.encrypted());
      cell(html, "exempt", row.exempt());
      cell(html, "dropped", row.dropped());
      cell(html, "clear", row.clear());
      html.close().line();
    }
    html.closeTable();
  }

  private static void cell(Html html, String outcome, Amount amount) {
    if (amount.packets() == 0) {
      html.element("td", "none");
    } else {
      String text = Units.count(amount.packets()) + " packets, " + Units.bytes(amount.bytes());
      html.element("td", text, "class", outcome);
    }
  }

  private void throughput(Html html) {
    ThroughputChart.add(html, history);
    html.openTable("Totals", "direction", "packets", "bytes", "packets per batch");
    html.row(
        "sent",
        Units.count(now.sent().packets()),
        Units.bytes(now.sent().bytes()),
        String.format(Locale.ROOT, "%.1f", now.sent().meanTrain()));
    html.row(
        "received",
        Units.count(now.received().packets()),
        Units.bytes(now.received().bytes()),
        String.format(Locale.ROOT, "%.1f", now.received().meanTrain()));
    html.closeTable();
    html.openTable("Lanes", "lane", "busy", "answers");
    for (Lane lane : now.lanes()) {
      html.row(
          Integer.toString(lane.index()),
          lane.busy() == null ? "not known yet" : Units.percent(lane.busy()),
          lane.silentSeconds() == 0
              ? "yes"
              : String.format(Locale.ROOT, "silent for %.1f s", lane.silentSeconds()));
    }
    html.closeTable();
  }

  private void peerForm(Html html) {
    html.open("form", "method", "get", "class", "filter");
    html.element("label", "Peers with", "for", "peer");
    html.open("input", "id", "peer", "name", "peer", "value", query.peer(), "maxlength", "100");
    html.element("label", "sorted by", "for", "sort");
    html.open("select", "id", "sort", "name", "sort");
    for (PageQuery.Sort sort : PageQuery.Sort.values()) {
      if (sort == query.sort()) {
        html.element("option", sort.label(), "value", sort.label(), "selected", "selected");
      } else {
        html.element("option", sort.label(), "value", sort.label());
      }
    }
    html.close().element("button", "Show").close().line();
  }

  private void drops(Html html) {
    if (now.drops().isEmpty()) {
      html.element("p", "None since the start.");
      return;
    }
    html.openTable("Drops", "reason", "direction", "packets");
    for (Drop drop : now.drops()) {
      html.row(drop.reason(), drop.direction(), Units.count(drop.packets()));
    }
    html.closeTable();
    html.element("p", "docs/commands.md explains each reason.");
  }

  private void exemptions(Html html) {
    if (now.exemptions().isEmpty()) {
      html.element("p", "None: nothing may leave in clear.");
      return;
    }
    html.openTable("Exemptions", "name", "ports", "servers", "passed in clear");
    for (ExemptionRow row : now.exemptions()) {
      html.row(
          row.name(),
          row.ports(),
          row.servers(),
          Units.count(row.passed().packets()) + " packets, " + Units.bytes(row.passed().bytes()));
    }
    html.closeTable();
  }

  private static void keys(Html html, Keys keys) {
    html.openTable("Keys", "figure", "value");
    html.row("security associations", keys.outbound() + " out, " + keys.inbound() + " in");
    html.row("sequence numbers used, at most", Units.percent(keys.mostUsed()));
    if (keys.published() != null) {
      html.row("published key", Long.toString(keys.published()));
      html.row(
          "peers under another key",
          keys.rotating().isEmpty() ? "none" : String.join(", ", keys.rotating()));
    }
    html.closeTable();
  }

  private static void controlPlane(Html html, ControlPlaneView api) {
    html.openTable("Kubernetes API", "figure", "value");
    html.row("node", api.node() + (api.phase() == null ? "" : ", " + api.phase()));
    html.row("nodes", Units.count(api.nodes()));
    html.row("last heard", api.ageSeconds() == null ? "never" : api.ageSeconds() + " s ago");
    html.row("failures", Units.count(api.failures()));
    html.closeTable();
  }

  private void question(Html html) {
    html.open("section").element("h2", "What happens to a packet?");
    html.open("form", "method", "get", "id", "question");
    field(html, "from", "From address", query.from());
    field(html, "to", "To address", query.to());
    field(html, "protocol", "Protocol", query.protocol());
    field(html, "port", "To port", query.port());
    html.element("button", "Ask").close();
    html.open("div", "id", "answer", "data-live", "", "aria-live", "polite");
    if (answer != null) {
      html.element("p", answer.outcome(), "class", "outcome");
      html.open("ol");
      answer.lines().forEach(line -> html.element("li", line));
      html.close();
    }
    html.close().close().line();
  }

  private static void field(Html html, String name, String label, String value) {
    html.element("label", label, "for", name);
    html.open("input", "id", name, "name", name, "value", value, "maxlength", "100");
  }
}
