// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.Collection;
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

  /**
   * The first number under the key of {@code sa} that was not accepted before, as far as is known.
   */
  long firstInbound(InboundSa sa) {
    return inbound.getOrDefault(sa.keyId(), 1L);
  }

  /** Writes all keys, also those in use, with their next numbers. */
  void save(StateWriter out, Collection<OutboundSa> sending, Collection<InboundSa> receiving) {
    Map<SaKeyId, Long> sent = new LinkedHashMap<>(outbound);
    sending.forEach(sa -> sent.merge(sa.keyId(), sa.next(), KeyLedger::later));
    Map<SaKeyId, Long> received = new LinkedHashMap<>(inbound);
    receiving.forEach(sa -> received.merge(sa.keyId(), sa.newest() + 1, KeyLedger::later));
    save(out, sent);
    save(out, received);
  }

  private static void save(StateWriter out, Map<SaKeyId, Long> next) {
    out.list(
        next.entrySet(),
        entry -> {
          entry.getKey().save(out);
          out.int64(entry.getValue());
        });
  }

  static KeyLedger read(StateReader in) throws StateException {
    KeyLedger ledger = new KeyLedger();
    in.list(() -> ledger.outbound.put(SaKeyId.read(in), in.int64()));
    in.list(() -> ledger.inbound.put(SaKeyId.read(in), in.int64()));
    return ledger;
  }

  /** Remembers the numbers that {@code other} remembers too. */
  void add(KeyLedger other) {
    other.outbound.forEach((key, next) -> outbound.merge(key, next, KeyLedger::later));
    other.inbound.forEach((key, next) -> inbound.merge(key, next, KeyLedger::later));
  }

  /** Leaves out so many numbers of all keys that were used for sending. */
  void jumpAhead(long packets) {
    outbound.replaceAll((key, next) -> SafetyJump.ahead(next, packets, SaParameters.LIMIT_64));
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
