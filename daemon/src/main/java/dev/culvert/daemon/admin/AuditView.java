// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import java.util.List;

/**
 * The counts of the packets between the cluster's nodes so far, by outcome, in both directions.
 *
 * @param guarded whether the guard stands: without it, packets that left in clear were not counted
 * @param blindSpots ways in which packets bypass the guard: those packets were not counted
 */
public record AuditView(boolean guarded, List<Row> rows, List<String> blindSpots) {
  public AuditView {
    blindSpots = List.copyOf(blindSpots);
    rows = List.copyOf(rows);
  }

  /**
   * Packets of one kind.
   *
   * @param traffic a class, an exemption, or a reason for drops
   * @param clear packets that crossed the underlay in clear without being exempt
   */
  public record Row(String traffic, long encrypted, long exempt, long dropped, long clear) {}

  /** Packets that crossed the underlay in clear without being exempt. */
  public long clear() {
    return rows.stream().mapToLong(Row::clear).sum();
  }
}
