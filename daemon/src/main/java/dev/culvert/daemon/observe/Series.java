// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import org.jspecify.annotations.Nullable;

/** All series of a gateway, from one reading. */
final class Series {
  private Series() {}

  /**
   * @param tls of the endpoint, null if it has none
   */
  static MetricSnapshots of(Reading reading, @Nullable ServerTls tls) {
    Families families = new Families(reading.config().interfaceName());
    GatewayFamilies.add(reading, families);
    PeerFamilies.add(reading, families);
    TrafficFamilies.add(reading, families);
    GuardFamilies.add(reading, families);
    KeyFamilies.add(reading, families);
    ClusterFamilies.add(reading, families);
    if (tls != null) {
      families.add(Metric.CERTIFICATE_EXPIRY, tls.expiry(), "observability");
    }
    return families.snapshots();
  }
}
