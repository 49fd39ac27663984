package dev.culvert.tunnel.esp;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where the numbers of keys stand that were in use and no longer are, so that a key met again
 * continues. Bounded: a key that two ends agreed on with fresh randomness is never met again, and
 * those made by hand are few. Belongs to the control thread.
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

  /** The first number that {@code sa} may use for sending: its own, or where its key stands. */
  long firstOutbound(SaKeyId key, SaParameters sa) {
    return later(sa.firstSequence(), outbound.getOrDefault(key, 1L));
  }

  /** The first number that {@code sa} may accept. */
  long firstInbound(SaKeyId key, SaParameters sa) {
    return later(sa.firstSequence(), inbound.getOrDefault(key, 1L));
  }

  /** Ends {@code sa} and keeps where its key stands. */
  void retire(OutboundSa sa) {
    outbound.merge(sa.keyId(), sa.retire(), KeyLedger::later);
  }

  /** Ends {@code sa} and keeps where its key stands. */
  void retire(InboundSa sa) {
    inbound.merge(sa.keyId(), sa.retire(), KeyLedger::later);
  }

  /** Whether the key was ever received under: then nothing may be sent under it. */
  boolean wasInbound(SaKeyId key) {
    return inbound.containsKey(key);
  }

  /** Whether the key was ever sent under. */
  boolean wasOutbound(SaKeyId key) {
    return outbound.containsKey(key);
  }

  private static long later(long a, long b) {
    return Long.compareUnsigned(a, b) >= 0 ? a : b;
  }
}
