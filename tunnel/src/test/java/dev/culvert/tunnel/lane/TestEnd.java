// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.port.Encapsulation;
import dev.culvert.tunnel.port.Offload;
import dev.culvert.tunnel.port.TestTun;
import dev.culvert.tunnel.port.TunOffloads;
import dev.culvert.tunnel.port.UdpPort;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A lane with its engine, a socket and a {@link TestTun}, which no thread drives but the test's.
 */
public interface TestEnd extends AutoCloseable {
  /** A fault that a test made is no news; the counters are looked at. */
  LostPackets.Listener LOST = (packets, why) -> {};

  Lane lane();

  TestTun tun();

  UdpPort socket();

  HelperLanes helpers();

  default void feed(MemorySegment packet) {
    tun().feed(packet, (int) packet.byteSize());
  }

  /** Everything that was dropped, by the lane, the engine and the helpers. */
  default Map<DropReason, Long> drops() {
    Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
    lane().drops().addTo(drops);
    lane().dataPath().drops().addTo(drops);
    helpers().dataPaths().forEach(path -> path.drops().addTo(drops));
    return drops;
  }

  @Override
  void close();

  /** Trains go as one message until they are found to be lost, and no listener is told. */
  static SegmentationSwitch segmentation() {
    return new SegmentationSwitch(Offload.Mode.AUTO, first -> {});
  }

  /** No packet comes out of a device, and no listener is told. */
  static SelfTraffic selfTraffic() {
    return new SelfTraffic(
        () -> -1, Encapsulation.UDP, new HostAddresses(), new LoopReports(to -> {}));
  }

  /** A lane that throws at the places that {@code faults} names. */
  static Lane lane(
      TestTun tun,
      boolean merging,
      TunnelEngine engine,
      Supplier<@Nullable ClusterRoutes> routes,
      UnaryOperator<DataPath> around,
      HelperLanes helpers,
      SegmentationSwitch segmentation,
      LongSupplier clock,
      int mtu,
      Faults faults) {
    return new Lane(
        tun.port(),
        new TunOffloads(true, merging, merging),
        new LaneRouter(
            faults.around(engine),
            () -> {
              faults.place();
              return routes.get();
            }),
        around.apply(engine.newDataPath()),
        helpers,
        faults.around(engine.overhead()),
        () -> {},
        selfTraffic(),
        segmentation,
        () -> {
          faults.place();
          return clock.getAsLong();
        },
        LOST,
        faults.stages(),
        mtu);
  }
}
