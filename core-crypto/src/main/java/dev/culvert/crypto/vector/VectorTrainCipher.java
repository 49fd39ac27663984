// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto.vector;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.NonceGuard;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * ChaCha20-Poly1305 (RFC 8439, section 2.8) over a train, 16 packets at a time. Sealing: keys of
 * the packets and keystream, encipher, authenticate. Opening: keys, authenticate, and decipher the
 * authentic packets.
 */
final class VectorTrainCipher implements TrainCipher {
  private static final int KEY_BYTES = 32;

  /** Below this number of packets, authenticating one by one is faster than side by side. */
  private static final int WORTH_A_LANE_EACH = 3;

  private static final VarHandle KEY_WORD =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong TAG_HALF =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final byte[] keyBytes = new byte[KEY_BYTES];
  private final int[] keyWords = new int[KEY_BYTES / Integer.BYTES];
  private final Keystream keystream = new Keystream();
  private final TrainMac trainMac = new TrainMac();
  private final PacketMac packetMac = new PacketMac();

  /** The tags of eight packets: lower halves, then upper halves. */
  private final long[] tags = new long[Poly1305.BLOCK];

  /** The packets of the current step, at most {@link Keystream#MAX_PACKETS}. */
  private final PacketRun chunk = new PacketRun();

  private final NonceGuard nonceGuard = new NonceGuard();

  @Override
  public void seal(AeadKey key, PacketRun run) {
    use(key, run);
    nonceGuard.admit(key, run);
    for (int i = 0; i < run.packets(); i += Keystream.MAX_PACKETS) {
      take(run, i);
      keystream.start(chunk);
      keystream.apply(chunk.allPackets());
      authenticate(true);
    }
    key.requireOpen();
  }

  @Override
  public long open(AeadKey key, PacketRun run) {
    use(key, run);
    long opened = 0;
    for (int i = 0; i < run.packets(); i += Keystream.MAX_PACKETS) {
      take(run, i);
      keystream.start(chunk);
      long authentic = authenticate(false);
      keystream.apply(authentic);
      opened |= authentic << i;
    }
    key.requireOpen();
    return opened;
  }

  private void use(AeadKey key, PacketRun run) {
    if (key.algorithm() != AeadAlgorithm.CHACHA20_POLY1305) {
      throw new IllegalArgumentException("a cipher for CHACHA20_POLY1305 got an " + key);
    }
    run.requireRoomForTags();
    key.copyTo(keyBytes);
    for (int i = 0; i < keyWords.length; i++) {
      keyWords[i] = (int) KEY_WORD.get(keyBytes, i * Integer.BYTES);
    }
    keystream.use(keyWords, key.nonceLayout(), key.noncePrefix());
    Arrays.fill(keyBytes, (byte) 0);
    Arrays.fill(keyWords, 0);
  }

  private void take(PacketRun run, int from) {
    int packets = Math.min(Keystream.MAX_PACKETS, run.packets() - from);
    int lastLength = run.lengthOf(from + packets - 1);
    int length = packets == 1 ? lastLength : run.length();
    chunk
        .at(run.memory(), run.offset() + from * run.stride(), run.stride())
        .of(packets, length, lastLength)
        .counting(run.firstCounter() + from)
        .authenticating(run.aadOffset() + from * run.aadStride(), run.aadStride(), run.aadLength());
  }

  /**
   * Writes the tags of the chunk's packets, or returns the packets with the right tag, one bit per
   * packet.
   */
  private long authenticate(boolean put) {
    int packets = chunk.packets();
    int alike = chunk.lastLength() == chunk.length() ? packets : packets - 1;
    if (chunk.aadLength() > 0) {
      alike = 0;
    }
    long authentic = 0;
    int i = 0;
    while (alike - i >= WORTH_A_LANE_EACH) {
      int count = Math.min(TrainMac.PACKETS, alike - i);
      trainMac.tags(chunk, i, count, keystream.macKeys(), tags);
      for (int lane = 0; lane < count; lane++) {
        authentic |= tag(put, i + lane, lane);
      }
      i += count;
    }
    for (; i < packets; i++) {
      packetMac.tag(chunk, i, keystream.macKeys(), tags, 0);
      authentic |= tag(put, i, 0);
    }
    return authentic;
  }

  /**
   * Writes the tag of {@code lane}, or compares it and returns the bit of packet {@code i} if the
   * tag is right, else 0.
   */
  private long tag(boolean put, int i, int lane) {
    MemorySegment memory = chunk.memory();
    long at = chunk.offset() + i * chunk.stride() + chunk.lengthOf(i);
    long lower = tags[lane];
    long upper = tags[Poly1305.LANES + lane];
    if (put) {
      memory.set(TAG_HALF, at, lower);
      memory.set(TAG_HALF, at + Long.BYTES, upper);
      return 0;
    }
    // One comparison of all bits: the time does not tell which byte was wrong.
    long difference =
        (memory.get(TAG_HALF, at) ^ lower) | (memory.get(TAG_HALF, at + Long.BYTES) ^ upper);
    return difference == 0 ? 1L << i : 0;
  }

  @Override
  public void forgetKeys() {
    keystream.forget();
    trainMac.forget();
    packetMac.forget();
    Arrays.fill(tags, 0);
    nonceGuard.forget();
  }
}
