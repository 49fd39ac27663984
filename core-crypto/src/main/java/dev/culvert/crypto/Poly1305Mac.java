// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.Key;
import java.security.spec.AlgorithmParameterSpec;
import java.util.Arrays;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Poly1305 (RFC 8439, section 2.5) by the routine of the JDK's own provider ({@link
 * ProviderAccess}), which the JVM compiles to vector instructions. The routine belongs to an object
 * with the sum and the factor r as numbers of five limbs of 26 bits; this writes a packet's key
 * straight into them and reads the sum from them, so that no packet needs an object.
 */
final class Poly1305Mac {
  static final int BLOCK = 16;

  private static final int LIMBS = 5;
  private static final int LIMB_BITS = 26;
  private static final long LIMB = (1L << LIMB_BITS) - 1;

  /** Carries that leave every limb of a sum below 2^26. */
  private static final int CARRIES = 3;

  private static final long CLAMP_LOWER = 0x0ffffffc0fffffffL;
  private static final long CLAMP_UPPER = 0x0ffffffc0ffffffcL;

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  /** The provider's handles, or null if they are not accessible. */
  private static final @Nullable Routine ROUTINE = Routine.find();

  /** The JDK's routine. A constant of its own, so that the JVM inlines it. */
  private static final @Nullable MethodHandle PROCESS = ROUTINE == null ? null : ROUTINE.process;

  private final Object routine;
  private final long[] sum;
  private final long[] factor;
  private final long[] reduced = new long[LIMBS];
  private long padLower;
  private long padUpper;
  private long lower;
  private long upper;

  /** Handles of the provider's class; {@code make} gives an object with a key of zeros. */
  private record Routine(
      MethodHandle make,
      MethodHandle init,
      VarHandle sum,
      VarHandle factor,
      MethodHandle limbs,
      MethodHandle process) {

    static @Nullable Routine find() {
      try {
        MethodHandles.Lookup provider = ProviderAccess.in("Poly1305");
        Class<?> poly = provider.lookupClass();
        Class<?> number = Class.forName("sun.security.util.math.IntegerModuloP");
        Class<?> mutable = Class.forName("sun.security.util.math.MutableIntegerModuloP");
        MethodType process =
            MethodType.methodType(
                void.class, byte[].class, int.class, int.class, long[].class, long[].class);
        MethodType init =
            MethodType.methodType(void.class, Key.class, AlgorithmParameterSpec.class);
        return new Routine(
            provider.findConstructor(poly, MethodType.methodType(void.class, boolean.class)),
            provider.findVirtual(poly, "engineInit", init),
            provider.findVarHandle(poly, "a", mutable),
            provider.findVarHandle(poly, "r", number),
            provider.findVirtual(number, "getLimbs", MethodType.methodType(long[].class)),
            provider
                .findVirtual(poly, "processMultipleBlocks", process)
                .asType(process.insertParameterTypes(0, Object.class)));
      } catch (ReflectiveOperationException e) {
        return null;
      }
    }
  }

  Poly1305Mac() {
    Routine handles = ROUTINE;
    if (handles == null) {
      throw new IllegalStateException("Poly1305 is out of reach");
    }
    try {
      routine = (Object) handles.make.invoke(false);
      handles.init.invoke(routine, new SecretKeySpec(new byte[2 * BLOCK], "Poly1305"), null);
      sum = (long[]) handles.limbs.invoke(handles.sum.get(routine));
      factor = (long[]) handles.limbs.invoke(handles.factor.get(routine));
    } catch (Throwable e) {
      throw new IllegalStateException("Poly1305 failed", e);
    }
  }

  /** Whether this JVM gives access to the routine. */
  static boolean isAccessible() {
    return ROUTINE != null;
  }

  /** Takes a packet's key, the first 32 bytes of {@code block}. */
  void use(byte[] block) {
    split(
        (long) LONG.get(block, 0) & CLAMP_LOWER,
        (long) LONG.get(block, Long.BYTES) & CLAMP_UPPER,
        factor);
    padLower = (long) LONG.get(block, BLOCK);
    padUpper = (long) LONG.get(block, BLOCK + Long.BYTES);
  }

  private static void split(long lower, long upper, long[] limbs) {
    limbs[0] = lower & LIMB;
    limbs[1] = lower >>> 26 & LIMB;
    limbs[2] = (lower >>> 52 | upper << 12) & LIMB;
    limbs[3] = upper >>> 14 & LIMB;
    limbs[4] = upper >>> 40;
  }

  /**
   * Authenticates the first {@code blocks} whole blocks of {@code data}; {@link #lower} and {@link
   * #upper} return the tag.
   */
  void authenticate(byte[] data, int blocks) {
    if (blocks * BLOCK > data.length) {
      throw new IndexOutOfBoundsException(blocks + " blocks of " + data.length + " bytes");
    }
    Arrays.fill(sum, 0);
    process(routine, data, blocks * BLOCK, sum, factor);
    System.arraycopy(sum, 0, reduced, 0, LIMBS);
    reduce(reduced);
    addPad(
        reduced[0] | reduced[1] << 26 | reduced[2] << 52,
        reduced[2] >>> 12 | reduced[3] << 14 | reduced[4] << 40);
  }

  /** A method of its own, since the JVM takes the compiled routine only in a compiled caller. */
  private static void process(Object routine, byte[] data, int length, long[] sum, long[] factor) {
    MethodHandle process = PROCESS;
    if (process == null) {
      throw new IllegalStateException("Poly1305 is out of reach");
    }
    try {
      process.invokeExact(routine, data, 0, length, sum, factor);
    } catch (Throwable e) {
      throw new IllegalStateException("Poly1305 failed", e);
    }
  }

  /** Takes limbs of any sign to the one number from 0 to 2^130 - 6. No branch depends on it. */
  private static void reduce(long[] h) {
    for (int i = 0; i < CARRIES; i++) {
      carry(h);
    }
    long h0 = h[0] + 5;
    long h1 = h[1] + (h0 >> LIMB_BITS);
    long h2 = h[2] + (h1 >> LIMB_BITS);
    long h3 = h[3] + (h2 >> LIMB_BITS);
    long h4 = h[4] + (h3 >> LIMB_BITS);
    long beyond = -(h4 >> LIMB_BITS);
    h[0] ^= (h[0] ^ (h0 & LIMB)) & beyond;
    h[1] ^= (h[1] ^ (h1 & LIMB)) & beyond;
    h[2] ^= (h[2] ^ (h2 & LIMB)) & beyond;
    h[3] ^= (h[3] ^ (h3 & LIMB)) & beyond;
    h[4] ^= (h[4] ^ (h4 & LIMB)) & beyond;
  }

  private static void carry(long[] h) {
    for (int i = 0; i < LIMBS - 1; i++) {
      h[i + 1] += h[i] >> LIMB_BITS;
      h[i] &= LIMB;
    }
    h[0] += 5 * (h[LIMBS - 1] >> LIMB_BITS);
    h[LIMBS - 1] &= LIMB;
  }

  private void addPad(long sumLower, long sumUpper) {
    lower = sumLower + padLower;
    long carry = ((sumLower & padLower) | ((sumLower | padLower) & ~lower)) >>> 63;
    upper = sumUpper + padUpper + carry;
  }

  /** The first eight bytes of the last tag, in little-endian order. */
  long lower() {
    return lower;
  }

  /** The last eight bytes of the last tag, in little-endian order. */
  long upper() {
    return upper;
  }

  /** Wipes the key, the sum and the tag. */
  void forget() {
    Arrays.fill(sum, 0);
    Arrays.fill(factor, 0);
    Arrays.fill(reduced, 0);
    padLower = 0;
    padUpper = 0;
    lower = 0;
    upper = 0;
  }
}
