// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A peer in the state of another process.
 *
 * @param endpoint the endpoint learnt last
 * @param reported the endpoint from which moves are reported
 * @param lastSentNanos the time of the last packet to the peer
 * @param staged packets that wait for an SA
 */
record SavedPeer(
    EspPeerSettings settings,
    @Nullable Endpoint endpoint,
    @Nullable Endpoint reported,
    long txBytes,
    long rxBytes,
    long lastSentNanos,
    List<Staged> staged,
    List<SavedSa.Outbound> outbound,
    List<SavedSa.Inbound> inbound) {
  /**
   * Packets for one sender.
   *
   * @param part the prefix of the part of the peer; null for the whole peer
   */
  record Staged(@Nullable Prefix part, List<byte[]> packets) {}

  /** Writes a peer with these of its SAs. */
  static void save(
      EspPeer peer,
      List<OutboundSa> sending,
      List<InboundSa> receiving,
      StateWriter out,
      long nowNanos) {
    peer.settings().save(out);
    out.optional(peer.endpoint(), out::endpoint)
        .optional(peer.reported(), out::endpoint)
        .int64(peer.txBytes().sum())
        .int64(peer.rxBytes().sum())
        .time(peer.keepalive().lastSent(), nowNanos);
    out.list(
        peer.senders(),
        sender ->
            out.optional(sender.part(), out::prefix).list(sender.staged().packets(), out::bytes));
    out.list(sending, sa -> sa.save(out, nowNanos)).list(receiving, sa -> sa.save(out, nowNanos));
  }

  static SavedPeer read(StateReader in, UnclaimedSecrets secrets, long savedAtNanos)
      throws StateException {
    return new SavedPeer(
        EspPeerSettings.read(in),
        in.optional(in::endpoint),
        in.optional(in::endpoint),
        in.int64(),
        in.int64(),
        in.time(savedAtNanos),
        in.list(() -> new Staged(in.optional(in::prefix), in.list(in::bytes))),
        in.list(() -> SavedSa.Outbound.read(in, secrets, savedAtNanos)),
        in.list(() -> SavedSa.Inbound.read(in, secrets, savedAtNanos)));
  }

  String name() {
    return settings.name();
  }

  /** The SAs' keys, for the keying. */
  KeyingState.Sas keys(SaTable sas) {
    return new KeyingState.Sas(
        inbound.stream()
            .filter(sa -> sas.supports(sa.parameters()))
            .map(SavedSa.Inbound::key)
            .collect(Collectors.toUnmodifiableSet()),
        outbound.stream()
            .filter(sa -> sas.supports(sa.parameters()))
            .map(SavedSa.Outbound::key)
            .collect(Collectors.toUnmodifiableSet()));
  }

  /** Without keys, which the records in it do not show either. */
  @Override
  public String toString() {
    return "SavedPeer[" + settings.name() + "]";
  }
}
