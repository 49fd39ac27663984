// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.top;

import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.admin.OverviewView;
import dev.culvert.daemon.admin.OverviewView.Amount;
import dev.culvert.daemon.admin.OverviewView.Drop;
import dev.culvert.daemon.admin.OverviewView.Lane;
import dev.culvert.daemon.admin.OverviewView.Peer;
import dev.culvert.daemon.admin.OverviewView.TrafficRow;
import dev.culvert.daemon.admin.PeerRates.Rate;
import dev.culvert.daemon.admin.Units;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The lines that show a gateway in a terminal of a given size.
 *
 * @param before the view a moment before, null if this is the first
 * @param rates of the peers since then
 */
record TopFrame(
    OverviewView now,
    @Nullable OverviewView before,
    Map<String, Rate> rates,
    Sort sort,
    Terminal.Size size) {
  private static final int MOST_REMARKS = 4;
  private static final int MOST_DROPS = 4;

  /** The order of the peers, by the key that chooses it. */
  enum Sort {
    RATE('r'),
    AGE('a'),
    STATE('s'),
    NAME('n');

    private final char key;

    Sort(char key) {
      this.key = key;
    }

    /** The order that a key chooses, or this one. */
    Sort by(int pressed) {
      for (Sort sort : values()) {
        if (sort.key == pressed) {
          return sort;
        }
      }
      return this;
    }
  }

  /** The lines, none wider than the terminal, and no more than it has rows. */
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s  %s  %s  process up %s"
            .formatted(
                now.interfaceName(),
                now.engine(),
                now.verdict().level(),
                Units.age(Math.round(now.at() - now.since()))));
    lines.add(now.verdict().text());
    now.verdict().remarks().stream().limit(MOST_REMARKS).forEach(r -> lines.add("  " + r));
    lines.add("sent      " + flow(now.sent(), rate(view -> view.sent().bytes())));
    lines.add("received  " + flow(now.received(), rate(view -> view.received().bytes())));
    lines.add(
        "lanes     " + now.lanes().stream().map(TopFrame::lane).collect(Collectors.joining("  ")));
    addTraffic(lines);
    addDrops(lines);
    ControlPlaneView api = now.controlPlane();
    if (api != null) {
      lines.add(
          "API       %d nodes, heard %s"
              .formatted(
                  api.nodes(), api.ageSeconds() == null ? "never" : api.ageSeconds() + " s ago"));
    }
    addPeers(lines);
    return lines.stream().limit(size.rows() - 1L).map(this::cut).toList();
  }

  /** Names and errors come from elsewhere, and must not give orders to the terminal. */
  private String cut(String line) {
    String shown = line.replaceAll("\\p{Cc}", "?");
    return shown.length() <= size.columns() ? shown : shown.substring(0, size.columns());
  }

  private double rate(ToLongFunction<OverviewView> bytes) {
    OverviewView old = before;
    double seconds = old == null ? 0 : now.at() - old.at();
    return old == null || seconds <= 0
        ? 0
        : 8.0 * (double) Math.max(0, bytes.applyAsLong(now) - bytes.applyAsLong(old)) / seconds;
  }

  private static String flow(OverviewView.Flow flow, double rate) {
    return String.format(
        Locale.ROOT,
        "%s, %s packets, %s, %.1f per batch",
        Units.rate(rate),
        Units.count(flow.packets()),
        Units.bytes(flow.bytes()),
        flow.meanTrain());
  }

  private static String lane(Lane lane) {
    if (lane.silentSeconds() > 0) {
      return lane.index() + ": silent for " + Math.round(lane.silentSeconds()) + " s";
    }
    return lane.index() + ": " + (lane.busy() == null ? "-" : Units.percent(lane.busy()));
  }

  private void addTraffic(List<String> lines) {
    for (TrafficRow row : now.traffic()) {
      if (row.encrypted().packets()
              + row.exempt().packets()
              + row.dropped().packets()
              + row.clear().packets()
          > 0) {
        lines.add(
            "%-9s %s encrypted, %s exempt, %s dropped, %s in clear"
                .formatted(
                    row.traffic().replace("_", " to "),
                    packets(row.encrypted()),
                    packets(row.exempt()),
                    packets(row.dropped()),
                    packets(row.clear())));
      }
    }
  }

  private static String packets(Amount amount) {
    return Units.count(amount.packets());
  }

  private void addDrops(List<String> lines) {
    if (!now.drops().isEmpty()) {
      lines.add(
          now.drops().stream()
              .limit(MOST_DROPS)
              .map(TopFrame::drop)
              .collect(Collectors.joining(", ", "drops     ", "")));
    }
  }

  private static String drop(Drop drop) {
    return drop.reason() + " " + Units.count(drop.packets());
  }

  private void addPeers(List<String> lines) {
    lines.add("");
    lines.add(row("PEER", "STATE", "HANDSHAKE", "SENT", "RECEIVED"));
    for (Peer peer : now.peers().stream().sorted(order()).toList()) {
      Rate rate = rates.getOrDefault(peer.name(), Rate.NONE);
      lines.add(
          row(
              peer.name(),
              peer.state(),
              Units.ago(peer.lastHandshake(), (long) now.at()),
              Units.rate(rate.sent()),
              Units.rate(rate.received())));
    }
  }

  private String row(String name, String state, String handshake, String sent, String received) {
    int width = Math.max(12, Math.min(44, size.columns() - 56));
    String shown = name.length() <= width ? name : name.substring(0, width);
    return String.format(
        Locale.ROOT,
        "%-" + width + "s  %-12s %-13s %13s %13s",
        shown,
        state,
        handshake,
        sent,
        received);
  }

  private Comparator<Peer> order() {
    Comparator<Peer> byName = Comparator.comparing(Peer::name);
    return switch (sort) {
      case NAME -> byName;
      case STATE -> Comparator.comparing(Peer::state).thenComparing(byName);
      case AGE ->
          Comparator.<Peer>comparingLong(
                  peer -> Objects.requireNonNullElse(peer.lastHandshake(), 0L))
              .thenComparing(byName);
      case RATE ->
          Comparator.<Peer>comparingDouble(
                  peer -> -rates.getOrDefault(peer.name(), Rate.NONE).sum())
              .thenComparing(byName);
    };
  }
}
