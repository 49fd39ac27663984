// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.page;

import dev.culvert.daemon.admin.OverviewView;
import dev.culvert.daemon.admin.OverviewView.Peer;
import dev.culvert.daemon.admin.PeerRates;
import dev.culvert.daemon.admin.Units;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** The peers of a gateway: a field for each, and a table. */
final class PeerTable {
  /** More rows are of no use to people, and cost the browser time each second. */
  private static final int MOST_ROWS = 200;

  private static final int MOST_FIELDS = 1000;

  /** The states in the order in which they deserve attention. */
  private static final List<String> STATES =
      List.of("stale", "no_endpoint", "handshaking", "established", "idle", "never");

  private final OverviewView now;
  private final Map<String, PeerRates.Rate> rates;
  private final PageQuery query;

  PeerTable(OverviewView now, Map<String, PeerRates.Rate> rates, PageQuery query) {
    this.now = now;
    this.rates = rates;
    this.query = query;
  }

  /** Adds a field per peer, in the colour of its state. */
  void addFields(Html html) {
    html.open("ul", "class", "fields");
    now.peers().stream()
        .sorted(Comparator.comparing(Peer::name))
        .limit(MOST_FIELDS)
        .forEach(
            peer -> html.element("li", peer.name(), "class", peer.state(), "title", hint(peer)));
    html.close().line();
    if (now.peers().size() > MOST_FIELDS) {
      html.element("p", "and " + Units.count(now.peers().size() - MOST_FIELDS) + " more");
    }
  }

  private String hint(Peer peer) {
    PeerRates.Rate rate = rate(peer);
    return "%s: %s, sent %s (%s), received %s (%s), handshake %s"
        .formatted(
            peer.name(),
            words(peer.state()),
            Units.bytes(peer.txBytes()),
            Units.rate(rate.sent()),
            Units.bytes(peer.rxBytes()),
            Units.rate(rate.received()),
            Units.ago(peer.lastHandshake(), (long) now.at()));
  }

  private PeerRates.Rate rate(Peer peer) {
    return rates.getOrDefault(peer.name(), PeerRates.Rate.NONE);
  }

  private static String words(String state) {
    return state.replace('_', ' ');
  }

  /** Adds the table of those peers that are asked for. */
  void addRows(Html html) {
    List<Peer> wanted = now.peers().stream().filter(this::isWanted).sorted(order()).toList();
    html.openTable("Peers", "peer", "state", "handshake", "sent", "received", "endpoint", "ranges");
    for (Peer peer : wanted.subList(0, Math.min(MOST_ROWS, wanted.size()))) {
      PeerRates.Rate rate = rate(peer);
      html.open("tr")
          .element("td", peer.name(), "class", "name")
          .element("td", words(peer.state()), "class", peer.state())
          .element("td", Units.ago(peer.lastHandshake(), (long) now.at()))
          .element("td", Units.bytes(peer.txBytes()) + ", " + Units.rate(rate.sent()))
          .element("td", Units.bytes(peer.rxBytes()) + ", " + Units.rate(rate.received()))
          .element("td", Objects.requireNonNullElse(peer.endpoint(), "unknown"))
          .element("td", peer.allowedIps().replace(",", ", "))
          .close()
          .line();
    }
    html.closeTable();
    if (wanted.size() > MOST_ROWS) {
      html.element(
          "p",
          "The first %d of %s peers are shown; name a part of the others' names above."
              .formatted(MOST_ROWS, Units.count(wanted.size())));
    }
  }

  private boolean isWanted(Peer peer) {
    String part = query.peer().toLowerCase(Locale.ROOT);
    return part.isEmpty()
        || peer.name().toLowerCase(Locale.ROOT).contains(part)
        || peer.allowedIps().contains(part)
        || String.valueOf(peer.endpoint()).contains(part);
  }

  private Comparator<Peer> order() {
    Comparator<Peer> byName = Comparator.comparing(Peer::name);
    return switch (query.sort()) {
      case NAME -> byName;
      case STATE ->
          Comparator.<Peer>comparingInt(peer -> STATES.indexOf(peer.state())).thenComparing(byName);
      case RATE ->
          Comparator.<Peer>comparingDouble(peer -> -rate(peer).sum()).thenComparing(byName);
      case HANDSHAKE ->
          Comparator.<Peer>comparingLong(
                  peer -> Objects.requireNonNullElse(peer.lastHandshake(), 0L))
              .thenComparing(byName);
    };
  }
}
