// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.TunnelEvent;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
