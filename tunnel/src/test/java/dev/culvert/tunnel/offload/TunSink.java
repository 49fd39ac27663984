// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** A TUN device that keeps the bytes that {@code writev} would gather. */
final class TunSink implements TunWriter {
  /** The bytes written: with the virtio-net header, and without. */
  record Written(MemorySegment bytes, int packets) {
    byte[] all() {
      return bytes.toArray(ValueLayout.JAVA_BYTE);
    }

    byte[] packet() {
      return bytes.asSlice(VnetHeader.SIZE).toArray(ValueLayout.JAVA_BYTE);
    }

    int flags() {
      return VnetHeader.flags(bytes, 0);
    }

    int gsoType() {
      return VnetHeader.gsoType(bytes, 0);
    }
  }

  final List<Written> written = new ArrayList<>();

  @Override
  @SuppressWarnings("restricted") // Reads the memory that the iovecs point to, as the kernel does.
  public void write(MemorySegment iovecs, int count, int packets, int bytes) {
    MemorySegment gathered = MemorySegment.ofArray(new byte[bytes]);
    long at = 0;
    for (int i = 0; i < count; i++) {
      long address = iovecs.get(ValueLayout.JAVA_LONG, i * 16L);
      long length = iovecs.get(ValueLayout.JAVA_LONG, i * 16L + 8);
      MemorySegment piece = MemorySegment.ofAddress(address).reinterpret(length);
      MemorySegment.copy(piece, 0, gathered, at, length);
      at += length;
    }
    if (at != bytes) {
      throw new AssertionError(at + " bytes gathered, not " + bytes);
    }
    written.add(new Written(gathered, packets));
  }
}
