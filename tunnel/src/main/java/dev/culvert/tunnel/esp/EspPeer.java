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
 * The other end, with the SA that is sent under; or, with one for each prefix behind it, a part of
 * the other end for each.
 */
final class EspPeer extends BasePeer<EspPeer> {
  /** What lanes may ask of the control side, as bits of one word. */
  static final int WANTED = 1;

  /** The peer was heard from another port. */
  static final int MOVED = 2;

  /** Packets were staged while an SA came up. */
  static final int FLUSH = 4;

  /** The SA's sequence numbers run low. */
  static final int RUNNING_LOW = 8;

  private volatile EspPeerSettings settings;
  private final NatKeepalive keepalive;

  /** The whole peer that this is a part of, or this. */
  private final EspPeer whole;

  private final StagingBudget budget;

  /** By the prefix that they are for; empty but with an SA for each. Control thread only. */
  private final Map<Prefix, EspPeer> parts = new HashMap<>();

  /** The same for lanes; null where the peer is in one piece. */
  private volatile @Nullable PrefixTable<EspPeer> partTable;

  private volatile @Nullable OutboundSa outbound;

  // Control thread only.
  Endpoint reportedEndpoint;
  boolean readyToTransmit;

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
    reportedEndpoint = settings.endpoint();
    endpoint(settings.endpoint());
    divide();
  }

  private EspPeer(EspPeer whole) {
    super(whole.budget);
    this.whole = whole;
    keepalive = whole.keepalive;
    settings = whole.settings;
    budget = whole.budget;
    reportedEndpoint = whole.reportedEndpoint;
  }

  private void divide() {
    if (settings.binding() == EspPeerSettings.Binding.ENDPOINTS) {
      List<Prefix> remote = settings.selectors().remote();
      parts.keySet().retainAll(Set.copyOf(remote));
      remote.forEach(prefix -> parts.computeIfAbsent(prefix, p -> new EspPeer(this)));
      partTable = PrefixTable.of(parts);
    }
  }

  /** The peer that this is all or a part of. */
  EspPeer whole() {
    return whole;
  }

  /** All that SAs are sent under for: the peer itself, or its parts. */
  Collection<EspPeer> senders() {
    return partTable == null ? List.of(this) : List.copyOf(parts.values());
  }

  /** What of the peer an outbound SA is for, or null: that is behind the peer no more. */
  @Nullable EspPeer sender(Selectors of) {
    return partTable == null ? this : parts.get(of.remote().getFirst());
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
   * What passes has changed, or where else the peer may be; its configured endpoint and what its
   * keys are made of has not.
   *
   * @return the parts that are no more
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

  /** Told of what passes. */
  NatKeepalive keepalive() {
    return keepalive;
  }

  /** Where its packets come from now: one of the addresses that its SAs are found by. */
  IpAddress address() {
    Endpoint now = endpoint();
    return (now == null ? settings.endpoint() : now).address();
  }

  /** What is sent under, or null. Any thread. */
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
