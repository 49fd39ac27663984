// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.IpProtocol;
import dev.culvert.routing.NodeSelector;
import dev.culvert.routing.Policy;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Lanes of a control-plane node and two workers, which have sessions with the first worker. */
public final class LaneCluster implements AutoCloseable {
  public static final AeadBackend BACKEND = AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305);

  /** A UDP port of the control plane. */
  static final int EXEMPT = 6443;

  static final Policy POLICY =
      new Policy(
          Policy.STRICT.encrypted(),
          true,
          true,
          List.of(
              new Exemption(
                  "api",
                  NodeSelector.role("control-plane"),
                  IpProtocol.UDP,
                  List.of(PortRange.of(EXEMPT)))));

  private static final List<Prefix> RANGES =
      List.of(Prefix.parse("10.0.0.0/16"), Prefix.parse("fd00::/48"));

  final LaneEnd control;
  final LaneEnd worker;
  final LaneEnd other;
  private final MemorySegment buffer = Arena.ofAuto().allocate(1 << 17, 64);

  /** With the ordinary cipher. */
  LaneCluster() throws IOException {
    this(BACKEND);
  }

  LaneCluster(AeadBackend aead) throws IOException {
    control = new LaneEnd(1, false, 0, aead, path -> path);
    worker = new LaneEnd(2, false, 0, aead, path -> path);
    other = new LaneEnd(3, false, 0, aead, path -> path);
    worker.connect(control);
    worker.connect(other);
    control.join(map(), POLICY);
    worker.join(map(), POLICY);
    other.join(map(), POLICY);
  }

  ClusterMap map() {
    return ClusterMap.of(
        List.of(control.node("control-plane"), worker.node("worker"), other.node("worker")),
        RANGES);
  }

  /** Has a lane read and deal with a super-packet of UDP. */
  void send(LaneEnd from, String source, String destination, int port, int packets)
      throws IOException {
    IpAddress to = IpAddress.parse(destination);
    from.feed(NumberedPackets.superPacket(IpAddress.parse(source), to, port, 0, packets));
    from.lane.onTun();
  }

  /** Packets that {@code to} writes to its TUN once it has received the datagrams. */
  int received(LaneEnd to, int expected) throws IOException {
    int packets = 0;
    long giveUp = System.nanoTime() + 10_000_000_000L;
    while (packets < expected && System.nanoTime() < giveUp) {
      to.lane.onUdp(to.socket);
      while (to.tun.take(buffer) > 0) {
        packets++;
      }
    }
    return packets;
  }

  @Override
  public void close() {
    control.close();
    worker.close();
    other.close();
  }
}
