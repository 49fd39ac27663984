// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEvent;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * All living SAs by key, and the last numbers of retired keys. It refuses SAs that could use one
 * (key, IV) pair twice. Belongs to the control thread; publishes the receive SAs to lanes.
 */
final class SaTable {
  private final EspState shared;
  private final Consumer<TunnelEvent> events;
  private final KeyLedger ledger = new KeyLedger();

  /** Oldest first. */
  private final Map<SaKeyId, InboundSa> inbound = new LinkedHashMap<>();

  private final Map<SaKeyId, OutboundSa> outbound = new HashMap<>();
  private boolean changed;

  SaTable(EspState shared, Consumer<TunnelEvent> events) {
    this.shared = shared;
    this.events = events;
  }

  /** Adds {@code sa} for receiving. Takes over its key. */
  void addInbound(EspPeer peer, SaParameters sa, long nowNanos) {
    SaKeyId key = sa.keyId();
    InboundSa known = inbound.get(key);
    if (known != null && known.peer() == peer) {
      closeDuplicate(sa, known.parameters());
      return;
    }
    if (known != null) {
      refuse(peer, sa, "another peer has it");
    } else if (outbound.containsKey(key) || ledger.wasOutbound(key)) {
      refuse(peer, sa, "it is used for sending");
    } else if (!shared.supports(sa.algorithm())) {
      refuse(peer, sa, "nothing here deciphers " + sa.algorithm());
    } else {
      makeRoom(peer, sa.spi());
      inbound.put(key, new InboundSa(peer, sa, key, ledger.firstInbound(key, sa), nowNanos));
      changed = true;
    }
  }

  /** Writes the last numbers of all keys. */
  void saveLedger(StateWriter out) {
    ledger.save(out, outbound.values(), inbound.values());
  }

  /** The SAs for receiving from {@code peer}, oldest first. */
  List<InboundSa> inboundOf(EspPeer peer) {
    return inbound.values().stream().filter(sa -> sa.peer() == peer).toList();
  }

  boolean supports(SaParameters sa) {
    return shared.supports(sa.algorithm());
  }

  /**
   * Remembers the last numbers of another process, and accepts none of those.
   *
   * @param continuing the keys that bring their windows with them
   */
  void continueLedger(KeyLedger other, Set<SaKeyId> continuing) {
    ledger.add(other);
    inbound.values().stream()
        .filter(sa -> !continuing.contains(sa.keyId()))
        .forEach(sa -> sa.raiseFloor(ledger.firstInbound(sa)));
  }

  /**
   * Continues an SA of another process for receiving.
   *
   * @param anew whether to set it up if it does not exist here
   * @return whether its key was taken over
   */
  boolean continueInbound(EspPeer peer, SavedSa.Inbound saved, boolean anew) {
    InboundSa own = inbound.get(saved.key());
    if (own == null && anew && !outbound.containsKey(saved.key())) {
      makeRoom(peer, saved.parameters().spi());
      InboundSa sa =
          new InboundSa(
              peer, saved.parameters(), saved.key(), saved.floor(), saved.counts().sinceNanos());
      sa.continueFrom(saved);
      inbound.put(saved.key(), sa);
      changed = true;
      return true;
    }
    if (own != null && own.peer() == peer && own.isLike(saved.parameters())) {
      own.continueFrom(saved);
    } else if (own != null) {
      own.raiseFloor(ledger.firstInbound(own));
    }
    return false;
  }

  /**
   * Continues an SA of another process for sending.
   *
   * @param anew whether to set it up if it does not exist here
   * @param jump the numbers to leave out
   * @return whether its key was taken over
   */
  boolean continueOutbound(EspPeer sender, SavedSa.Outbound saved, boolean anew, long jump) {
    OutboundSa own = sender.outbound();
    if (own == null
        && anew
        && !outbound.containsKey(saved.key())
        && !inbound.containsKey(saved.key())) {
      SaParameters sa = saved.parameters();
      OutboundSa next =
          new OutboundSa(sa, saved.key(), sa.firstSequence(), saved.counts().sinceNanos());
      next.jumpAhead(jump);
      next.countBefore(saved.counts().packets(), saved.counts().bytes());
      outbound.put(saved.key(), next);
      sender.outbound(next);
      return true;
    }
    if (own != null && own.keyId().equals(saved.key())) {
      own.countBefore(saved.counts().packets(), saved.counts().bytes());
    }
    return false;
  }

  /** Leaves out so many numbers of every key that is or was used for sending. */
  void jumpAhead(long packets) {
    outbound.values().forEach(sa -> sa.jumpAhead(packets));
    ledger.jumpAhead(packets);
  }

  /** Removes the oldest SA if there are too many with one SPI. */
  private void makeRoom(EspPeer peer, int spi) {
    List<InboundSa> there =
        inbound.values().stream()
            .filter(sa -> sa.peer() == peer && sa.parameters().spi() == spi)
            .toList();
    if (there.size() >= InboundSas.MAX_CANDIDATES) {
      end(there.getFirst());
    }
  }

  void removeInbound(EspPeer peer, SaKeyId key) {
    InboundSa sa = inbound.get(key);
    if (sa != null && sa.peer() == peer) {
      end(sa);
    }
  }

  private void end(InboundSa sa) {
    inbound.remove(sa.keyId());
    ledger.retire(sa);
    changed = true;
  }

  /**
   * Uses {@code sa} for sending from now on. Takes over its key.
   *
   * @return false if it was refused
   */
  boolean useOutbound(EspPeer peer, SaParameters sa, long nowNanos) {
    SaKeyId key = sa.keyId();
    OutboundSa current = peer.outbound();
    if (current != null && current.keyId().equals(key)) {
      closeDuplicate(sa, current.parameters());
      current.extend(sa.sequenceLimit(), sa.noticeAt());
      return true;
    }
    long first = ledger.firstOutbound(key, sa);
    if (outbound.containsKey(key)) {
      refuse(peer, sa, "another peer has it");
    } else if (inbound.containsKey(key) || ledger.wasInbound(key)) {
      refuse(peer, sa, "it is used for receiving");
    } else if (Long.compareUnsigned(first, sa.sequenceLimit()) >= 0) {
      refuse(peer, sa, "its sequence numbers are spent");
    } else if (!shared.supports(sa.algorithm())) {
      refuse(peer, sa, "nothing here enciphers " + sa.algorithm());
    } else {
      OutboundSa next = new OutboundSa(sa, key, first, nowNanos);
      outbound.put(key, next);
      peer.outbound(next);
      if (current != null) {
        end(current);
      }
      return true;
    }
    return false;
  }

  void extendOutbound(EspPeer peer, SaKeyId key, long limit, long noticeAt) {
    OutboundSa sa = peer.outbound();
    if (sa != null && sa.keyId().equals(key)) {
      sa.extend(limit, noticeAt);
    }
  }

  void moveOutbound(EspPeer peer, SaKeyId key, long first, long limit, long noticeAt) {
    OutboundSa sa = peer.outbound();
    if (sa != null && sa.keyId().equals(key)) {
      sa.moveTo(first, limit, noticeAt);
    }
  }

  void stopSending(EspPeer peer) {
    OutboundSa sa = peer.outbound();
    peer.outbound(null);
    if (sa != null) {
      end(sa);
    }
  }

  private void end(OutboundSa sa) {
    outbound.remove(sa.keyId());
    ledger.retire(sa);
  }

  /** Ends all inbound SAs of {@code peer}. */
  void removeInbound(EspPeer peer) {
    inbound.values().stream().filter(sa -> sa.peer() == peer).toList().forEach(this::end);
  }

  @SuppressWarnings("ReferenceEquality") // It may be the key that is in use.
  private static void closeDuplicate(SaParameters again, SaParameters inUse) {
    if (again.key() != inUse.key()) {
      again.key().close();
    }
  }

  private void refuse(EspPeer peer, SaParameters sa, String reason) {
    events.accept(new TunnelEvent.KeyRefused(peer.toString(), sa + ": " + reason));
    sa.key().close();
  }

  /** Rebuilds the look-up table after peers' addresses changed. */
  void peersMoved() {
    changed = true;
  }

  /** Publishes changes to lanes. */
  void publish() {
    if (changed) {
      changed = false;
      shared.inbound = new InboundSas(inbound.values());
    }
  }

  /** The keys of all SAs, as copies that the caller closes. */
  List<SaSecret> secrets(Iterable<EspPeer> peers) {
    List<SaSecret> all = new ArrayList<>();
    for (EspPeer peer : peers) {
      for (EspPeer sender : peer.senders()) {
        @Nullable OutboundSa out = sender.outbound();
        if (out != null) {
          all.add(SaSecret.of(peer, true, out.parameters()));
        }
      }
      for (InboundSa in : inbound.values()) {
        if (in.peer() == peer) {
          all.add(SaSecret.of(peer, false, in.parameters()));
        }
      }
    }
    return all;
  }

  List<SaStatus> status(Iterable<EspPeer> peers, long nowNanos) {
    List<SaStatus> all = new ArrayList<>();
    for (EspPeer peer : peers) {
      for (EspPeer sender : peer.senders()) {
        @Nullable OutboundSa out = sender.outbound();
        if (out != null) {
          all.add(SaStatus.of(peer, out, nowNanos));
        }
      }
      for (InboundSa in : inbound.values()) {
        if (in.peer() == peer) {
          all.add(SaStatus.of(in, nowNanos));
        }
      }
    }
    return all;
  }
}
