// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto.vector;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.NonceGuard;
import dev.culvert.crypto.NonceLayout;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * ChaCha20-Poly1305 (RFC 8439, section 2.8) over packets of equal length abreast, 16 at a time.
 * Sealing: keys of the packets, encipher, authenticate. Opening: keys, authenticate, and decipher
 * the authentic packets.
 *
 * <p>Fewer than three packets are faster one by one. So another cipher takes the packets of a train
 * that are left over and a shorter last packet. It also takes packets with associated data, which
 * WireGuard does not have.
 */
final class VectorTrainCipher implements TrainCipher {
  private static final int KEY_BYTES = 32;

  /** Below this number of packets, one by one is faster than abreast. */
  private static final int WORTH_A_LANE_EACH = 3;

  private static final VarHandle KEY_WORD =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong TAG_HALF =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final TrainCipher oneByOne;
  private final byte[] keyBytes = new byte[KEY_BYTES];
  private final int[] keyWords = new int[KEY_BYTES / Integer.BYTES];
  private final Keystream keystream = new Keystream();
  private final TrainMac trainMac = new TrainMac();

  /** The tags of eight packets: lower halves, then upper halves. */
  private final long[] tags = new long[Poly1305.BLOCK];

  /** The packets of the current step, at most {@link Keystream#MAX_PACKETS}. */
  private final PacketRun chunk = new PacketRun();

  private final NonceGuard nonceGuard = new NonceGuard();

  /**
   * @param oneByOne for the packets that are faster one by one
   */
  VectorTrainCipher(TrainCipher oneByOne) {
    this.oneByOne = oneByOne;
  }

  @Override
  public void seal(AeadKey key, PacketRun run) {
    int abreast = abreast(key, run);
    nonceGuard.admit(key, run);
    for (int i = 0; i < abreast; i += Keystream.MAX_PACKETS) {
      take(run, i, Math.min(Keystream.MAX_PACKETS, abreast - i));
      keystream.start(chunk);
      keystream.apply(chunk.allPackets());
      authenticate(true);
    }
    if (abreast < run.packets()) {
      take(run, abreast, run.packets() - abreast);
      oneByOne.seal(key, chunk);
    }
    key.requireOpen();
  }

  @Override
  public long open(AeadKey key, PacketRun run) {
    int abreast = abreast(key, run);
    long opened = 0;
    for (int i = 0; i < abreast; i += Keystream.MAX_PACKETS) {
      take(run, i, Math.min(Keystream.MAX_PACKETS, abreast - i));
      keystream.start(chunk);
      long authentic = authenticate(false);
      keystream.apply(authentic);
      opened |= authentic << i;
    }
    if (abreast < run.packets()) {
      take(run, abreast, run.packets() - abreast);
      opened |= oneByOne.open(key, chunk) << abreast;
    }
    key.requireOpen();
    return opened;
  }

  /** The number of packets, from the first, that go abreast; if there are any, takes the key. */
  private int abreast(AeadKey key, PacketRun run) {
    if (key.algorithm() != AeadAlgorithm.CHACHA20_POLY1305) {
      throw new IllegalArgumentException("a cipher for CHACHA20_POLY1305 got an " + key);
    }
    run.requireRoomForTags();
    if (run.aadLength() > 0 || key.nonceLayout() != NonceLayout.LITTLE_ENDIAN_COUNTER) {
      return 0;
    }
    int alike = run.lastLength() == run.length() ? run.packets() : run.packets() - 1;
    int leftOver = alike % TrainMac.PACKETS;
    int abreast = leftOver < WORTH_A_LANE_EACH ? alike - leftOver : alike;
    if (abreast > 0) {
      use(key);
    }
    return abreast;
  }

  private void use(AeadKey key) {
    key.copyTo(keyBytes);
    for (int i = 0; i < keyWords.length; i++) {
      keyWords[i] = (int) KEY_WORD.get(keyBytes, i * Integer.BYTES);
    }
    keystream.use(keyWords, key.noncePrefix());
    Arrays.fill(keyBytes, (byte) 0);
    Arrays.fill(keyWords, 0);
  }

  private void take(PacketRun run, int from, int packets) {
    int lastLength = run.lengthOf(from + packets - 1);
    chunk
        .at(run.memory(), run.offset() + from * run.stride(), run.stride())
        .of(packets, packets == 1 ? lastLength : run.length(), lastLength)
        .counting(run.firstCounter() + from)
        .authenticating(run.aadOffset() + from * run.aadStride(), run.aadStride(), run.aadLength());
  }

  /**
   * Writes the tags of the chunk's packets, or returns the packets with the right tag, one bit per
   * packet.
   */
  private long authenticate(boolean put) {
    long authentic = 0;
    for (int i = 0; i < chunk.packets(); i += TrainMac.PACKETS) {
      int count = Math.min(TrainMac.PACKETS, chunk.packets() - i);
      trainMac.tags(chunk, i, count, keystream.macKeys(), tags);
      for (int lane = 0; lane < count; lane++) {
        authentic |= tag(put, i + lane, lane);
      }
    }
    return authentic;
  }

  /**
   * Writes the tag of {@code lane}, or compares it and returns the bit of packet {@code i} if the
   * tag is right, else 0.
   */
  private long tag(boolean put, int i, int lane) {
    MemorySegment memory = chunk.memory();
    long at = chunk.offset() + i * chunk.stride() + chunk.length();
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
    oneByOne.forgetKeys();
    keystream.forget();
    trainMac.forget();
    Arrays.fill(tags, 0);
    nonceGuard.forget();
  }
}
