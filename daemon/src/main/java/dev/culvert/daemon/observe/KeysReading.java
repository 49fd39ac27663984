// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.admin.EspView.GlobalKeyView;
import dev.culvert.tunnel.esp.SaStatus;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The keys of an ESP gateway at one moment. Has no secret.
 *
 * @param outbound number of security associations for sending
 * @param inbound number of those for receiving
 * @param mostUsed the share of its sequence numbers that the most used one has spent, 0 to 1
 * @param ages seconds for which each peer's security association for sending has been in use
 * @param global null except with the global keying
 * @param fileChanged when the file of global keys last changed, in seconds since 1970; null if that
 *     is not known
 */
public record KeysReading(
    int outbound,
    int inbound,
    double mostUsed,
    Map<String, Double> ages,
    @Nullable GlobalKeyView global,
    @Nullable Long fileChanged) {
  public KeysReading {
    ages = Map.copyOf(ages);
  }

  /** The sums over all security associations. */
  public static KeysReading of(
      List<SaStatus> sas, @Nullable GlobalKeyView global, @Nullable Long fileChanged) {
    int outbound = 0;
    double mostUsed = 0;
    Map<String, Double> ages = new HashMap<>();
    for (SaStatus sa : sas) {
      mostUsed = Math.max(mostUsed, sa.used());
      if (sa.outbound()) {
        outbound++;
        ages.put(sa.peer(), sa.ageNanos() / 1e9);
      }
    }
    return new KeysReading(outbound, sas.size() - outbound, mostUsed, ages, global, fileChanged);
  }
}
