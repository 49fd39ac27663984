// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.offload.InnerPacket;
import dev.culvert.tunnel.offload.Segmenter;
import dev.culvert.tunnel.port.RawPort;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import org.jspecify.annotations.Nullable;

/**
 * Sends packets of a lane that leave in clear on purpose: whole packets through a marked raw
 * socket, one call per train. Few packets come here, since the kernel keeps exempt traffic out of
 * the tunnel.
 */
final class ClearOutlet {
  private final MemorySegment memory;
  private final Train train = new Train();
  private @Nullable RawPort v4;
  private @Nullable RawPort v6;

  ClearOutlet(SegmentAllocator allocator) {
    memory = allocator.allocate(Train.BUFFER_BYTES, 64);
  }

  void use(@Nullable RawPort newV4, @Nullable RawPort newV6) {
    v4 = newV4;
    v6 = newV6;
  }

  /** Sends all packets of {@code segmenter}; returns the number that the kernel took. */
  int send(Segmenter segmenter) {
    InnerPacket packet = segmenter.packet();
    RawPort socket = packet.v4() ? v4 : v6;
    int sent = 0;
    while (socket != null && segmenter.hasNext()) {
      train.startAt(memory, 0, Overhead.NONE.headroom());
      if (segmenter.fill(train, Overhead.NONE, 0) == 0) {
        break;
      }
      sent +=
          packet.v4()
              ? socket.send4(train, packet.destination4())
              : socket.send6(train, packet.destinationHigh(), packet.destinationLow());
    }
    return sent;
  }
}
