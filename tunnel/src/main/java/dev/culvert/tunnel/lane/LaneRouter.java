// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.Verdict;
import dev.culvert.tunnel.engine.AddressMemo;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.offload.InnerPacket;
import dev.culvert.tunnel.offload.Segmenter;
import dev.culvert.tunnel.offload.TransportHeader;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Decides on one lane's packets in both directions: by the cluster's classifier if there is one,
 * else by the ranges that the engine's peers own. The classifier in force is read once per batch,
 * so that all packets of a batch are judged alike.
 */
public final class LaneRouter {
  private final TunnelEngine engine;
  private final Supplier<@Nullable ClusterRoutes> inForce;
  private final TransportHeader transport = new TransportHeader();
  private final AddressMemo lastSource = new AddressMemo();
  private final TrafficCounters traffic = new TrafficCounters();
  private @Nullable ClusterRoutes cluster;
  private @Nullable DropReason refusal;

  public LaneRouter(TunnelEngine engine, Supplier<@Nullable ClusterRoutes> inForce) {
    this.engine = engine;
    this.inForce = inForce;
  }

  /** Begins a batch with the classifier that is in force now. */
  public void begin() {
    ClusterRoutes now = inForce.get();
    if (now != null && now != cluster) {
      traffic.rules(now.classifier().bypassRules());
    }
    cluster = now;
  }

  /** The classifier's verdicts so far, counted. */
  TrafficCounters traffic() {
    return traffic;
  }

  // ---------------------------------------------------------------- outbound

  /**
   * The peer to seal the read packet for, or null; then {@link #refusal} tells whether the packet
   * leaves in clear on purpose.
   *
   * @param at offset in {@code memory} of the IP header that {@code read} holds
   */
  public @Nullable TunnelPeer route(MemorySegment memory, long at, Segmenter read) {
    InnerPacket packet = read.packet();
    ClusterRoutes routes = cluster;
    if (routes == null) {
      refusal = DropReason.NO_ROUTE;
      return packet.v4()
          ? engine.route4(packet.destination4())
          : engine.route6(packet.destinationHigh(), packet.destinationLow());
    }
    refusal = transport.read(memory, at, packet);
    return refusal == null ? obey(classify(routes.classifier(), packet), routes, read) : null;
  }

  private @Nullable TunnelPeer obey(Verdict verdict, ClusterRoutes routes, Segmenter read) {
    TunnelPeer peer = null;
    switch (verdict) {
      case Verdict.Encrypt encrypt -> {
        TunnelPeer node = routes.peer(encrypt.node());
        peer = node == null ? null : towards(node, read.packet());
        if (peer == null) {
          refusal = node == null ? DropReason.NO_PEER : DropReason.NO_OWNER;
        } else {
          traffic.encrypted(encrypt, read.packets(), read.bytes());
        }
      }
      case Verdict.Bypass bypass -> traffic.bypassed(bypass, read.packets(), read.bytes());
      case Verdict.Drop drop -> refusal = DropReason.of(drop.reason());
    }
    return peer;
  }

  private static @Nullable TunnelPeer towards(TunnelPeer node, InnerPacket packet) {
    return packet.v4()
        ? node.towards4(packet.destination4())
        : node.towards6(packet.destinationHigh(), packet.destinationLow());
  }

  /**
   * After {@link #route} returned null: the reason to drop the packet, or null if it leaves in
   * clear on purpose.
   */
  @Nullable DropReason refusal() {
    return refusal;
  }

  private Verdict classify(Classifier classifier, InnerPacket packet) {
    return packet.v4()
        ? classifier.classify4(
            packet.source4(),
            packet.destination4(),
            transport.protocol(),
            transport.sourcePort(),
            transport.destinationPort())
        : classifier.classify6(
            packet.sourceHigh(),
            packet.sourceLow(),
            packet.destinationHigh(),
            packet.destinationLow(),
            transport.protocol(),
            transport.sourcePort(),
            transport.destinationPort());
  }

  // ---------------------------------------------------------------- inbound

  /**
   * Removes packets from an opened train whose source does not belong to the node that sent it;
   * returns their number.
   */
  public int refuseForeign(Train opened) {
    ClusterRoutes routes = cluster;
    if (routes == null) {
      return 0;
    }
    int node = routes.node(opened.origin());
    MemorySegment memory = opened.memory();
    int refused = 0;
    boolean belongs = false;
    lastSource.forget();
    for (int i = 0; i < opened.packets(); i++) {
      if (opened.length(i) == 0) {
        continue;
      }
      long at = opened.inner(i);
      boolean v4 = IpHeader.version(memory, at) == 4;
      long high = IpHeader.sourceHigh(memory, at);
      long low = IpHeader.sourceLow(memory, at);
      if (lastSource.isNew(v4, high, low)) {
        Classifier classifier = routes.classifier();
        belongs = v4 ? classifier.belongs4((int) low, node) : classifier.belongs6(high, low, node);
      }
      if (!belongs) {
        opened.length(i, 0);
        refused++;
      }
    }
    return refused;
  }
}
