// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import java.util.concurrent.TimeUnit;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The comparison for {@link AeadBenchmark} with AES-GCM: javax.crypto as it likes best, from one
 * heap array into another, no train and no direct memory. The time is that of {@code packets}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 1)
public class JavaxHeapBenchmark {
  private static final int TAG_LENGTH = 16;

  @Param({"64", "1420"})
  private int length;

  @Param({"1", "46"})
  private int packets;

  @Param({"32"})
  private int keyLength;

  private final byte[] nonce = new byte[12];
  private byte[] input = new byte[0];
  private byte[] output = new byte[0];
  private SecretKey key = new SecretKeySpec(new byte[16], "AES");
  private Cipher cipher = newCipher();
  private long counter;

  private static Cipher newCipher() {
    try {
      return Cipher.getInstance("AES/GCM/NoPadding");
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JDK lacks AES-GCM", e);
    }
  }

  @Setup
  public void setUp() {
    input = new byte[packets * length];
    output = new byte[packets * (length + TAG_LENGTH)];
    key = new SecretKeySpec(new byte[keyLength], "AES");
    cipher = newCipher();
  }

  @Benchmark
  public byte[] seal() throws GeneralSecurityException {
    for (int i = 0; i < packets; i++) {
      ByteBuffer.wrap(nonce).order(ByteOrder.LITTLE_ENDIAN).putLong(4, counter++);
      cipher.init(Cipher.ENCRYPT_MODE, key, new GCMParameterSpec(TAG_LENGTH * 8, nonce));
      cipher.doFinal(input, i * length, length, output, i * (length + TAG_LENGTH));
    }
    return output;
  }
}
