package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.offload.InnerPacket;
import dev.culvert.tunnel.offload.Segmenter;
import dev.culvert.tunnel.port.RawPort;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import org.jspecify.annotations.Nullable;

/**
 * A lane's way out for what leaves in clear on purpose: whole packets through a marked raw socket.
 * Hardly anything takes it, since the kernel keeps exempt traffic from the tunnel; so a call a
 * packet is good enough.
 */
final class ClearOutlet {
  /** Nothing is put around what leaves in clear. */
  private static final Overhead NONE =
      new Overhead() {
        @Override
        public int headroom() {
          return 0;
        }

        @Override
        public int sealedLength(int innerLength, int mtu) {
          return innerLength;
        }
      };

  private final MemorySegment memory;
  private final Train train = new Train();
  private @Nullable RawPort v4;
  private @Nullable RawPort v6;

  ClearOutlet(SegmentAllocator allocator) {
    memory = allocator.allocate(Train.MAX_BYTES, 64);
  }

  void use(@Nullable RawPort newV4, @Nullable RawPort newV6) {
    v4 = newV4;
    v6 = newV6;
  }

  /** Sends all packets of {@code segmenter}; returns how many the kernel took. */
  int send(Segmenter segmenter) {
    InnerPacket packet = segmenter.packet();
    int sent = 0;
    while (segmenter.hasNext()) {
      train.startAt(memory, 0, NONE.headroom());
      if (segmenter.fill(train, NONE, 0) == 0) {
        break;
      }
      for (int i = 0; i < train.packets(); i++) {
        sent += send(packet, train.inner(i), train.length(i)) ? 1 : 0;
      }
    }
    return sent;
  }

  private boolean send(InnerPacket packet, long at, int length) {
    RawPort socket = packet.v4() ? v4 : v6;
    if (socket == null) {
      return false;
    }
    int errno =
        packet.v4()
            ? socket.send4(memory, at, length, packet.destination4())
            : socket.send6(memory, at, length, packet.destinationHigh(), packet.destinationLow());
    return errno == 0;
  }
}
