// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The ChaCha20 keystream of one packet after another (RFC 8439, section 2.4) by the routine of the
 * JDK's own provider ({@link ProviderAccess}). The JVM compiles it to vector instructions that make
 * up to 16 blocks per call; interpreted it makes one.
 */
final class ChaCha20Blocks {
  static final int BLOCK = 64;
  static final int KEY = 32;

  /** "expand 32-byte k". */
  private static final int[] CONSTANTS = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

  private static final int KEY_WORD = CONSTANTS.length;
  private static final int BLOCK_NUMBER_WORD = 12;
  private static final int WORDS = BLOCK / Integer.BYTES;

  /** The room that the compiled routine demands. */
  private static final int MOST_AT_ONCE = 16 * BLOCK;

  private static final VarHandle WORD =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  /** The JDK's routine, or null if it is not accessible. A constant, so that the JVM inlines it. */
  private static final @Nullable MethodHandle ROUTINE = routine();

  private final int[] state = Arrays.copyOf(CONSTANTS, WORDS);
  private final byte[] keystream = new byte[MOST_AT_ONCE];
  private int nextBlock;

  /** Whether this JVM gives access to the routine. */
  static boolean isAccessible() {
    return ROUTINE != null;
  }

  private static @Nullable MethodHandle routine() {
    try {
      MethodHandles.Lookup provider = ProviderAccess.in("ChaCha20Cipher");
      return provider.findStatic(
          provider.lookupClass(),
          "implChaCha20Block",
          MethodType.methodType(int.class, int[].class, byte[].class));
    } catch (ReflectiveOperationException e) {
      return null;
    }
  }

  /** Takes the key of the next packets, {@link #KEY} bytes. */
  void use(byte[] key) {
    for (int i = 0; i < KEY / Integer.BYTES; i++) {
      state[KEY_WORD + i] = (int) WORD.get(key, i * Integer.BYTES);
    }
  }

  /** Begins a packet, with block 0. */
  void start(int noncePrefix, NonceLayout layout, long counter) {
    boolean bigEndian = layout == NonceLayout.BIG_ENDIAN_COUNTER;
    long nonce = bigEndian ? Long.reverseBytes(counter) : counter;
    state[BLOCK_NUMBER_WORD + 1] = Integer.reverseBytes(noncePrefix);
    state[BLOCK_NUMBER_WORD + 2] = (int) nonce;
    state[BLOCK_NUMBER_WORD + 3] = (int) (nonce >>> Integer.SIZE);
    nextBlock = 0;
  }

  /** Makes the packet's next blocks in {@link #keystream}; returns their bytes. */
  int next() {
    state[BLOCK_NUMBER_WORD] = nextBlock;
    int bytes = generate(state, keystream);
    nextBlock += bytes / BLOCK;
    return bytes;
  }

  /** A method of its own, since the JVM takes the compiled routine only in a compiled caller. */
  private static int generate(int[] state, byte[] keystream) {
    MethodHandle routine = ROUTINE;
    if (routine == null) {
      throw new IllegalStateException("ChaCha20 is out of reach");
    }
    try {
      return (int) routine.invokeExact(state, keystream);
    } catch (Throwable e) {
      throw new IllegalStateException("ChaCha20 failed", e);
    }
  }

  byte[] keystream() {
    return keystream;
  }

  /** Wipes key and keystream. */
  void forget() {
    Arrays.fill(state, KEY_WORD, WORDS, 0);
    Arrays.fill(keystream, (byte) 0);
  }
}
