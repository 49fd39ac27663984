// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.esp.MessageFilter;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Lets messages pass that a peer made for us, new or replayed. A message from an unknown address
 * costs a look-up, a forgery in a peer's name a MAC, and neither reaches the queue that all peers
 * share.
 */
final class EpochFilter implements MessageFilter {
  private final Supplier<Map<IpAddress, PairExchange>> byAddress;
  private final MessageMac mac = new MessageMac();

  /**
   * @param byAddress returns the current pairs, as an immutable map
   */
  EpochFilter(Supplier<Map<IpAddress, PairExchange>> byAddress) {
    this.byAddress = byAddress;
  }

  @Override
  public @Nullable DropReason refuse(byte[] message, int length, Endpoint from) {
    PairExchange exchange = byAddress.get().get(from.address());
    MacKey key = exchange == null ? null : macKey(exchange.keys(), message, length);
    return key == null || !mac.isAuthentic(key, message, length)
        ? ExchangeDrop.BAD_MAC.counted()
        : null;
  }

  private static @Nullable MacKey macKey(PairKeys keys, byte[] message, int length) {
    if (ExchangeMessage.isOne(message, length)) {
      return keys.exchange(message[ExchangeMessage.KEY_ID]);
    }
    return RangesMessage.isOne(message, length)
        ? keys.ranges(message[ExchangeMessage.KEY_ID])
        : null;
  }
}
