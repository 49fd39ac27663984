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
 * GHASH (NIST SP 800-38D, section 6.4) by the routine of the JDK's own provider ({@link
 * ProviderAccess}), which the JVM compiles to carry-less multiplications.
 */
final class Ghash {
  static final int BLOCK = 16;

  /** The hash subkey and room for the powers that the compiled routine makes of it. */
  private static final int POWERS = 2 * 9;

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  /**
   * The JDK's routine, or null if it is not accessible. It is a constant so that the JVM inlines
   * it.
   */
  private static final @Nullable MethodHandle PROCESS_BLOCKS = processBlocks();

  private final long[] subkeyPowers = new long[POWERS];
  private final long[] state = new long[2];

  /** Whether this JVM gives access to the routine. */
  static boolean isAccessible() {
    return PROCESS_BLOCKS != null;
  }

  private static @Nullable MethodHandle processBlocks() {
    try {
      MethodHandles.Lookup provider = ProviderAccess.in("GHASH");
      MethodType blocks =
          MethodType.methodType(
              void.class, byte[].class, int.class, int.class, long[].class, long[].class);
      return provider.findStatic(provider.lookupClass(), "processBlocks", blocks);
    } catch (ReflectiveOperationException e) {
      return null;
    }
  }

  /** Takes the hash subkey H, the first 16 bytes of {@code block}. */
  void use(byte[] block) {
    Arrays.fill(subkeyPowers, 0);
    subkeyPowers[0] = (long) LONG.get(block, 0);
    subkeyPowers[1] = (long) LONG.get(block, Long.BYTES);
  }

  /**
   * Hashes the first {@code blocks} whole blocks of {@code data}; {@link #upper} and {@link #lower}
   * return the result.
   */
  void hash(byte[] data, int blocks) {
    if (blocks * BLOCK > data.length) {
      throw new IndexOutOfBoundsException(blocks + " blocks of " + data.length + " bytes");
    }
    MethodHandle processBlocks = PROCESS_BLOCKS;
    if (processBlocks == null) {
      throw new IllegalStateException("GHASH is out of reach");
    }
    state[0] = 0;
    state[1] = 0;
    try {
      processBlocks.invokeExact(data, 0, blocks, state, subkeyPowers);
    } catch (Throwable e) {
      throw new IllegalStateException("GHASH failed", e);
    }
  }

  /** The first eight bytes of the last hash. */
  long upper() {
    return state[0];
  }

  /** The last eight bytes of the last hash. */
  long lower() {
    return state[1];
  }

  /** Wipes the subkey and the last hash. */
  void forget() {
    Arrays.fill(subkeyPowers, 0);
    Arrays.fill(state, 0);
  }
}
