// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import java.util.LinkedHashMap;
import java.util.Map;

/** A bounded memory of values seen from a peer, which forgets the oldest first. */
final class Remembered<K, V> extends LinkedHashMap<K, V> {
  private static final long serialVersionUID = 1;

  @Override
  protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
    return size() > ExchangeLimits.REMEMBERED;
  }
}
