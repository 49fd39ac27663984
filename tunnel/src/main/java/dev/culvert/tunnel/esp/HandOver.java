// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.KeyTrust;
import dev.culvert.tunnel.engine.MessageQueue;
import dev.culvert.tunnel.engine.RemovedTraffic;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Writes the state of an engine, and continues with the state that another process wrote. All of a
 * state is read and checked before anything changes. In this order:
 *
 * <ol>
 *   <li>the reason for which keys are distrusted, if they are; then no SA follows;
 *   <li>traffic with removed peers, drops by reason, the last numbers of all keys;
 *   <li>the peers with their SAs;
 *   <li>the messages for the keying that came and were not handled;
 *   <li>the kind of the keying, and as a section its own part.
 * </ol>
 */
final class HandOver {
  private final EspState shared;
  private final SaTable sas;
  private final DropCounters drops;
  private final Map<String, EspPeer> peers;

  /** A state that was read. */
  private record Saved(
      @Nullable String doubt,
      RemovedTraffic removed,
      Map<DropReason, Long> drops,
      KeyLedger ledger,
      List<SavedPeer> peers,
      List<MessageQueue.Message> messages,
      KeyingState keying) {}

  HandOver(EspState shared, SaTable sas, DropCounters drops, Map<String, EspPeer> peers) {
    this.shared = shared;
    this.sas = sas;
    this.drops = drops;
    this.peers = peers;
  }

  void save(StateWriter out, long nowNanos) {
    KeyTrust.Doubt doubt = shared.trust.doubt();
    out.optional(doubt, reason -> out.text(reason.reason()));
    out.int64(shared.removed.txBytes()).int64(shared.removed.rxBytes());
    drops.save(out);
    sas.saveLedger(out);
    out.list(
        peers.values(),
        peer ->
            SavedPeer.save(
                peer,
                doubt == null ? sending(peer) : List.of(),
                doubt == null ? sas.inboundOf(peer) : List.of(),
                out,
                nowNanos));
    out.list(
        shared.messages.messages(), message -> out.bytes(message.bytes()).endpoint(message.from()));
    out.text(shared.keying.kind());
    out.section(
        () -> {
          if (doubt == null) {
            shared.keying.save(out, nowNanos);
          }
        });
  }

  private static List<OutboundSa> sending(EspPeer peer) {
    return peer.senders().stream().map(EspPeer::outbound).filter(Objects::nonNull).toList();
  }

  /** Goes on after {@link #save}; the caller obeys the keying afterwards. */
  void jumpAhead() {
    if (!shared.keying.reservesNumbers()) {
      sas.jumpAhead(SafetyJump.PACKETS_OF_THE_FORMER);
    }
    shared.keying.goOn();
    peers.values().forEach(this::askForNumbers);
  }

  /**
   * Continues with the state of another process; the caller obeys the keying afterwards.
   *
   * @param jump the numbers that every SA leaves out
   */
  void restore(StateReader in, long savedAtNanos, long jump) throws StateException {
    try (UnclaimedSecrets secrets = new UnclaimedSecrets()) {
      takeOver(read(in, secrets, savedAtNanos), secrets, jump);
    }
  }

  private Saved read(StateReader in, UnclaimedSecrets secrets, long savedAtNanos)
      throws StateException {
    String doubt = in.optional(in::text);
    RemovedTraffic removed = new RemovedTraffic(in.int64(), in.int64());
    Map<DropReason, Long> dropped = drops.read(in);
    KeyLedger ledger = KeyLedger.read(in);
    List<SavedPeer> all = in.list(() -> SavedPeer.read(in, secrets, savedAtNanos));
    requireUnique(all);
    List<MessageQueue.Message> messages =
        in.list(() -> new MessageQueue.Message(in.bytes(), in.endpoint()));
    String kind = in.text();
    StateReader section = in.section();
    KeyingState keying = KeyingState.NOTHING;
    if (doubt == null && kind.equals(shared.keying.kind())) {
      keying =
          shared.keying.read(
              section, new KeyingState.Context(continuing(all), secrets, savedAtNanos));
    }
    return new Saved(doubt, removed, dropped, ledger, all, messages, keying);
  }

  private static void requireUnique(List<SavedPeer> all) throws StateException {
    Set<String> names = new HashSet<>();
    Set<SaKeyId> keys = new HashSet<>();
    for (SavedPeer peer : all) {
      boolean unique = names.add(peer.name());
      for (SavedSa.Outbound sa : peer.outbound()) {
        unique &= keys.add(sa.key());
      }
      for (SavedSa.Inbound sa : peer.inbound()) {
        unique &= keys.add(sa.key());
      }
      if (!unique) {
        throw new StateException("a name or a key is there twice");
      }
    }
  }

  /** The SAs of the peers that are configured as they were. */
  private Map<String, KeyingState.Sas> continuing(List<SavedPeer> all) {
    Map<String, KeyingState.Sas> continuing = new HashMap<>();
    for (SavedPeer saved : all) {
      EspPeer peer = peers.get(saved.name());
      if (peer != null && peer.settings().continues(saved.settings())) {
        continuing.put(saved.name(), saved.keys(sas));
      }
    }
    return continuing;
  }

  private void takeOver(Saved saved, UnclaimedSecrets secrets, long jump) {
    shared.removed =
        new RemovedTraffic(
            shared.removed.txBytes() + saved.removed.txBytes(),
            shared.removed.rxBytes() + saved.removed.rxBytes());
    drops.add(saved.drops);
    long left = shared.keying.reservesNumbers() ? 0 : jump;
    saved.ledger.jumpAhead(left);
    Set<SaKeyId> continuing = saved.keying.continuing();
    sas.continueLedger(saved.ledger, continuing);
    for (SavedPeer before : saved.peers) {
      EspPeer peer = peers.get(before.name());
      if (peer == null || !peer.settings().continues(before.settings())) {
        shared.removed =
            new RemovedTraffic(
                shared.removed.txBytes() + before.txBytes(),
                shared.removed.rxBytes() + before.rxBytes());
      } else {
        takeOverTraffic(peer, before);
      }
      if (peer != null) {
        takeOverEndpoint(peer, before);
        takeOverSas(peer, before, continuing, secrets, left);
      }
    }
    saved.keying.takeOver();
    for (EspPeer peer : peers.values()) {
      peer.keepalive().keying(shared.keying.traffic(peer.toString()));
      askForNumbers(peer);
    }
    takeOverMessages(saved.messages);
    if (saved.doubt != null) {
      shared.trust.withdraw(saved.doubt);
    }
  }

  private void takeOverTraffic(EspPeer peer, SavedPeer before) {
    peer.txBytes().add(before.txBytes());
    peer.rxBytes().add(before.rxBytes());
    peer.keepalive().messageSent(before.lastSentNanos());
    for (SavedPeer.Staged staged : before.staged()) {
      EspPeer sender = peer.sender(staged.part());
      if (sender != null) {
        staged
            .packets()
            .forEach(packet -> drops.count(DropReason.STAGING_FULL, sender.staged().add(packet)));
        shared.requests.submit(sender, EspPeer.FLUSH);
      }
    }
  }

  /** Queues the messages that this keying lets pass too. */
  private void takeOverMessages(List<MessageQueue.Message> messages) {
    MessageFilter filter = shared.keying.newFilter();
    for (MessageQueue.Message message : messages) {
      byte[] bytes = message.bytes();
      if (bytes.length <= Keying.MAX_MESSAGE
          && filter.refuse(bytes, bytes.length, message.from()) == null
          && !shared.messages.offer(bytes, message.from())) {
        drops.count(DropReason.QUEUE_FULL);
      }
    }
  }

  /** Keeps the learnt address if the configured endpoint is the same. */
  private void takeOverEndpoint(EspPeer peer, SavedPeer before) {
    Endpoint at = before.endpoint();
    if (at != null
        && peer.settings().endpoint().equals(before.settings().endpoint())
        && peer.settings().isAt(at.address())) {
      peer.endpoint(at);
      peer.reported(before.reported());
      if (!at.isSamePlace(before.reported())) {
        shared.requests.submit(peer, EspPeer.MOVED);
      }
    }
  }

  private void takeOverSas(
      EspPeer peer,
      SavedPeer before,
      Set<SaKeyId> continuing,
      UnclaimedSecrets secrets,
      long jump) {
    // A keying that reserves numbers has set up its SAs already, with numbers of its own.
    boolean anew = !shared.keying.reservesNumbers();
    for (SavedSa.Outbound sa : before.outbound()) {
      EspPeer sender = peer.sender(sa.parameters().selectors());
      if (continuing.contains(sa.key())
          && sender != null
          && sas.continueOutbound(sender, sa, anew, jump)) {
        secrets.claim(sa.parameters().key());
      }
    }
    for (SavedSa.Inbound sa : before.inbound()) {
      if (continuing.contains(sa.key()) && sas.continueInbound(peer, sa, anew)) {
        secrets.claim(sa.parameters().key());
      }
    }
  }

  /** Has the keying told, at the next turn, of numbers that run low after a jump. */
  private void askForNumbers(EspPeer peer) {
    for (EspPeer sender : peer.senders()) {
      OutboundSa sa = sender.outbound();
      if (sa != null && sa.isLow()) {
        shared.requests.submit(sender, EspPeer.RUNNING_LOW);
      }
    }
  }
}
