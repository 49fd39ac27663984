// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.NonceLayout;
import dev.culvert.tunnel.engine.Pinned;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.concurrent.atomic.LongAdder;

/** The common part of inbound and outbound SAs: the key, and counts of packets under it. */
abstract class SecurityAssociation extends Pinned {
  private final SaParameters parameters;
  private final SaKeyId keyId;
  private final AeadKey key;
  private final long sinceNanos;
  private final LongAdder packets = new LongAdder();
  private final LongAdder bytes = new LongAdder();

  /** Takes over the key of {@code parameters}. */
  SecurityAssociation(SaParameters parameters, SaKeyId keyId, long nowNanos) {
    this.parameters = parameters;
    this.keyId = keyId;
    key =
        new AeadKey(
            parameters.algorithm(),
            parameters.key(),
            NonceLayout.BIG_ENDIAN_COUNTER,
            parameters.salt());
    sinceNanos = nowNanos;
  }

  final SaParameters parameters() {
    return parameters;
  }

  final SaKeyId keyId() {
    return keyId;
  }

  /** The key, for a lane that holds a pin. */
  final AeadKey key() {
    return key;
  }

  final long sinceNanos() {
    return sinceNanos;
  }

  /** Whether it has expired, though it was not removed yet. */
  final boolean isOver(long nowNanos) {
    return nowNanos >= parameters.endNanos();
  }

  /** Counts packets that were sealed, or that were authenticated and fresh. */
  final void passed(int count, int wireBytes) {
    packets.add(count);
    bytes.add(wireBytes);
  }

  /** Adds the counts of another process. */
  final void countBefore(long packetsBefore, long bytesBefore) {
    packets.add(packetsBefore);
    bytes.add(bytesBefore);
  }

  final void saveCounts(StateWriter out, long nowNanos) {
    out.time(sinceNanos, nowNanos).int64(packets()).int64(bytes());
  }

  final long packets() {
    return packets.sum();
  }

  final long bytes() {
    return bytes.sum();
  }

  @Override
  protected final void wipe() {
    key.close();
  }
}
