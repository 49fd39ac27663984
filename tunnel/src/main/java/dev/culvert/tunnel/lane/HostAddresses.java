// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.PrefixTable;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * This host's addresses, for look-ups by lanes: an immutable table, replaced whole, so that a
 * look-up neither allocates nor locks. Before it is set, any address may be the host's.
 */
public final class HostAddresses {
  private volatile @Nullable PrefixTable<Boolean> addresses;

  /** Replaces the addresses. */
  public void set(Set<IpAddress> now) {
    PrefixTable.Builder<Boolean> table = PrefixTable.builder();
    now.forEach(address -> table.add(Prefix.host(address), true));
    addresses = table.build();
  }

  boolean mayHave4(int address) {
    PrefixTable<Boolean> known = addresses;
    return known == null || known.lookup4(address) != null;
  }

  boolean mayHave6(long high, long low) {
    PrefixTable<Boolean> known = addresses;
    return known == null || known.lookup6(high, low) != null;
  }
}
