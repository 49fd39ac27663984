package dev.culvert.tunnel.esp.global;

import java.util.LinkedHashMap;
import java.util.Map;

/** What was seen of a peer, of which the oldest is forgotten once there is too much. */
final class Remembered<K, V> extends LinkedHashMap<K, V> {
  private static final long serialVersionUID = 1;

  @Override
  protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
    return size() > ExchangeLimits.REMEMBERED;
  }
}
