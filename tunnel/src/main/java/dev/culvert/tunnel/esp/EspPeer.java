package dev.culvert.tunnel.esp;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.BasePeer;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StagingBudget;
import org.jspecify.annotations.Nullable;

/** The other end, with the SA that is sent under. */
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
  private final TrafficListener traffic;
  private volatile @Nullable OutboundSa outbound;

  // Control thread only.
  Endpoint reportedEndpoint;
  boolean readyToTransmit;

  /** Bytes of a dummy packet that is to be sent, or -1. */
  int dummyLength = -1;

  EspPeer(EspPeerSettings settings, TrafficListener traffic, StagingBudget budget) {
    super(budget);
    this.traffic = traffic;
    this.settings = settings;
    reportedEndpoint = settings.endpoint();
    endpoint(settings.endpoint());
  }

  EspPeerSettings settings() {
    return settings;
  }

  /** What passes has changed; where the peer is and what its keys are made of has not. */
  void settings(EspPeerSettings changed) {
    settings = changed;
  }

  TrafficListener traffic() {
    return traffic;
  }

  /** Where its packets come from: it does not move, or its SAs were not found. */
  IpAddress address() {
    return settings.endpoint().address();
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
