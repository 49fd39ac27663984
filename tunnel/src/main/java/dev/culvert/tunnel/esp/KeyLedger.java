// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Remembers the last sequence number of each retired key, so that a key that returns continues
 * after it. Bounded: keys agreed on with fresh randomness never return, and keys made by hand are
 * few. Belongs to the control thread.
 */
final class KeyLedger {
  private static final int CAPACITY = 1 << 16;

  private final Map<SaKeyId, Long> outbound = bounded();
  private final Map<SaKeyId, Long> inbound = bounded();

  private static Map<SaKeyId, Long> bounded() {
    return new LinkedHashMap<>() {
      @Override
      protected boolean removeEldestEntry(Map.Entry<SaKeyId, Long> eldest) {
        return size() > CAPACITY;
      }
    };
  }

  /**
   * The first number that {@code sa} may use for sending: its own first number, or the one after
   * its key's last.
   */
  long firstOutbound(SaKeyId key, SaParameters sa) {
    return later(sa.firstSequence(), outbound.getOrDefault(key, 1L));
  }

  /** The first number that {@code sa} may accept. */
  long firstInbound(SaKeyId key, SaParameters sa) {
    return later(sa.firstSequence(), inbound.getOrDefault(key, 1L));
  }

  /** Ends {@code sa} and remembers its key's last number. */
  void retire(OutboundSa sa) {
    outbound.merge(sa.keyId(), sa.retire(), KeyLedger::later);
  }

  /** Ends {@code sa} and remembers its key's last number. */
  void retire(InboundSa sa) {
    inbound.merge(sa.keyId(), sa.retire(), KeyLedger::later);
  }

  /** Whether the key was ever used for receiving; it must not be used for sending then. */
  boolean wasInbound(SaKeyId key) {
    return inbound.containsKey(key);
  }

  /** Whether the key was ever used for sending. */
  boolean wasOutbound(SaKeyId key) {
    return outbound.containsKey(key);
  }

  private static long later(long a, long b) {
    return Long.compareUnsigned(a, b) >= 0 ? a : b;
  }
}
