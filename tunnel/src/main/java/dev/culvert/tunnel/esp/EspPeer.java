// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.PrefixTable;
import dev.culvert.tunnel.engine.BasePeer;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StagingBudget;
import dev.culvert.tunnel.engine.TunnelPeer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A peer with its outbound SA; or, if each prefix behind the peer has an SA of its own, the part of
 * the peer for one prefix.
 */
final class EspPeer extends BasePeer<EspPeer> {
  /** Requests of lanes to the control side, as bits of one word. */
  static final int WANTED = 1;

  /** The peer was heard from another port. */
  static final int MOVED = 2;

  /** Packets were staged while an SA came up. */
  static final int FLUSH = 4;

  /** The SA's sequence numbers run low. */
  static final int RUNNING_LOW = 8;

  private volatile EspPeerSettings settings;
  private final NatKeepalive keepalive;

  /** The whole peer of which this is a part, or this. */
  private final EspPeer whole;

  /** The prefix for which this is a part; null for a whole peer. */
  private final @Nullable Prefix part;

  private final StagingBudget budget;

  /**
   * The parts by their prefix; empty unless each prefix has an SA of its own. Control thread only.
   */
  private final Map<Prefix, EspPeer> parts = new HashMap<>();

  /** The parts for look-ups by lanes; null if the peer has one outbound SA. */
  private volatile @Nullable PrefixTable<EspPeer> partTable;

  private volatile @Nullable OutboundSa outbound;

  // Control thread only.
  /** Whether a dummy packet is to be sent. */
  boolean dummyDue;

  /** Whether a NAT's mapping is to be kept alive. */
  boolean keepaliveDue;

  EspPeer(EspPeerSettings settings, NatKeepalive keepalive, StagingBudget budget) {
    super(budget);
    this.keepalive = keepalive;
    this.settings = settings;
    this.budget = budget;
    whole = this;
    part = null;
    reported(settings.endpoint());
    endpoint(settings.endpoint());
    divide();
  }

  private EspPeer(EspPeer whole, Prefix part) {
    super(whole.budget);
    this.whole = whole;
    this.part = part;
    keepalive = whole.keepalive;
    settings = whole.settings;
    budget = whole.budget;
    reported(whole.reported());
  }

  private void divide() {
    if (settings.binding() == EspPeerSettings.Binding.ENDPOINTS) {
      List<Prefix> remote = settings.selectors().remote();
      parts.keySet().retainAll(Set.copyOf(remote));
      remote.forEach(prefix -> parts.computeIfAbsent(prefix, p -> new EspPeer(this, p)));
      partTable = PrefixTable.of(parts);
    }
  }

  /** The whole peer of which this is a part, or this. */
  EspPeer whole() {
    return whole;
  }

  /** The prefix for which this is a part; null for a whole peer. */
  @Nullable Prefix part() {
    return part;
  }

  /** The part for this prefix, or the whole peer for null; null if there is no such part. */
  @Nullable EspPeer sender(@Nullable Prefix of) {
    return of == null ? partTable == null ? this : null : parts.get(of);
  }

  /** The holders of outbound SAs: the peer itself, or its parts. */
  Collection<EspPeer> senders() {
    return partTable == null ? List.of(this) : List.copyOf(parts.values());
  }

  /**
   * The holder of an outbound SA with these selectors, or null if they are no longer behind the
   * peer.
   */
  @Nullable EspPeer sender(Selectors of) {
    return partTable == null
        ? this
        : of.remote().isEmpty() ? null : parts.get(of.remote().getFirst());
  }

  @Override
  public @Nullable TunnelPeer towards4(int destination) {
    PrefixTable<EspPeer> table = partTable;
    return table == null ? this : table.lookup4(destination);
  }

  @Override
  public @Nullable TunnelPeer towards6(long high, long low) {
    PrefixTable<EspPeer> table = partTable;
    return table == null ? this : table.lookup6(high, low);
  }

  @Override
  public @Nullable Endpoint endpoint() {
    return whole == this ? super.endpoint() : whole.endpoint();
  }

  @Override
  public void forgetSource(Endpoint refused) {
    if (whole == this) {
      super.forgetSource(refused);
    } else {
      whole.forgetSource(refused);
    }
  }

  @Override
  public LongAdder txBytes() {
    return whole == this ? super.txBytes() : whole.txBytes();
  }

  EspPeerSettings settings() {
    return settings;
  }

  /**
   * Takes new settings that differ only in the traffic that passes or in the peer's other
   * addresses, not in its endpoint or in inputs of its keys.
   *
   * @return the parts that were removed
   */
  Collection<EspPeer> settings(EspPeerSettings changed) {
    List<EspPeer> before = new ArrayList<>(parts.values());
    settings = changed;
    if (!changed.isAt(address())) {
      endpoint(changed.endpoint());
    }
    divide();
    before.removeAll(parts.values());
    return before;
  }

  /** The listener that lanes tell of traffic. */
  NatKeepalive keepalive() {
    return keepalive;
  }

  /** The current source of its packets: one of the addresses by which its SAs are found. */
  IpAddress address() {
    Endpoint now = endpoint();
    return (now == null ? settings.endpoint() : now).address();
  }

  /** The SA to send under, or null. Thread-safe. */
  @Nullable OutboundSa outbound() {
    return outbound;
  }

  void outbound(@Nullable OutboundSa sa) {
    outbound = sa;
  }

  @Override
  public String toString() {
    return settings.name();
  }
}
