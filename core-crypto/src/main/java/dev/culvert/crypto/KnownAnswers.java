// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * The tests that a backend must pass before it may seal packets: published vectors, one message
 * each; then trains, which must equal the results of the proven one-shot calls, and of which
 * opening must refuse exactly the forged packet.
 */
final class KnownAnswers {
  private static final HexFormat HEX = HexFormat.of();

  private static final int TRAIN_PACKETS = 23;
  private static final int TRAIN_LENGTH = 333;
  private static final int TRAIN_LAST_LENGTH = 77;
  private static final int TRAIN_FORGED = 7;
  private static final int AAD_LENGTH = 12;
  private static final int STRIDE = AAD_LENGTH + TRAIN_LENGTH + TrainCipher.TAG_LENGTH;

  /** A counter whose lower half carries within the train. */
  private static final long TRAIN_COUNTER = 0x1_ffff_fff7L;

  private KnownAnswers() {}

  /** All in hexadecimal. */
  private record Vector(String key, String nonce, String aad, String plaintext, String sealed) {}

  /** RFC 8439, section 2.8.2. */
  private static final List<Vector> CHACHA20_POLY1305 =
      List.of(
          new Vector(
              "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
              "070000004041424344454647",
              "50515253c0c1c2c3c4c5c6c7",
              "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
                  + "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
                  + "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
                  + "637265656e20776f756c642062652069742e",
              "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
                  + "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
                  + "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
                  + "3ff4def08e4b7a9de576d26586cec64b6116"
                  + "1ae10b594f09e26a7e902ecbd0600691"));

  private static final String GCM_PLAINTEXT =
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
          + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";

  /** McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 4 and 16. */
  private static final List<Vector> AES_GCM =
      List.of(
          new Vector(
              "feffe9928665731c6d6a8f9467308308",
              "cafebabefacedbaddecaf888",
              "feedfacedeadbeeffeedfacedeadbeefabaddad2",
              GCM_PLAINTEXT,
              "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                  + "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
                  + "5bc94fbc3221a5db94fae95ae7121a47"),
          new Vector(
              "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
              "cafebabefacedbaddecaf888",
              "feedfacedeadbeeffeedfacedeadbeefabaddad2",
              GCM_PLAINTEXT,
              "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                  + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                  + "76fc6ece0f4e1768cddf8853bb2d551b"));

  /** Why {@code backend} may not be used, or null if every answer was right. */
  static @Nullable String failure(AeadBackend backend, AeadAlgorithm algorithm) {
    try {
      for (Vector vector : vectors(algorithm)) {
        if (!answers(backend, algorithm, vector)) {
          return "wrong answer to a published vector";
        }
        for (NonceLayout layout : NonceLayout.values()) {
          for (int aadLength : new int[] {0, AAD_LENGTH}) {
            byte[] key = HEX.parseHex(vector.key);
            String failure = trainFailure(backend, algorithm, key, layout, aadLength);
            if (failure != null) {
              return failure;
            }
          }
        }
      }
      return null;
    } catch (RuntimeException | LinkageError e) {
      return "failed with " + e;
    }
  }

  private static List<Vector> vectors(AeadAlgorithm algorithm) {
    return switch (algorithm) {
      case CHACHA20_POLY1305 -> CHACHA20_POLY1305;
      case AES_GCM -> AES_GCM;
    };
  }

  private static boolean answers(AeadBackend backend, AeadAlgorithm algorithm, Vector vector) {
    byte[] key = HEX.parseHex(vector.key);
    byte[] nonce = HEX.parseHex(vector.nonce);
    byte[] aad = HEX.parseHex(vector.aad);
    byte[] plaintext = HEX.parseHex(vector.plaintext);
    byte[] sealed = HEX.parseHex(vector.sealed);
    byte[] forged = sealed.clone();
    forged[forged.length - 1] ^= 1;
    return Arrays.equals(sealed, backend.seal(algorithm, key, nonce, aad, plaintext))
        && Arrays.equals(plaintext, backend.open(algorithm, key, nonce, aad, sealed))
        && backend.open(algorithm, key, nonce, aad, forged) == null;
  }

  /**
   * Tests a train in native memory, as on the packet path: packets one after the other, each behind
   * its own associated data.
   */
  private static @Nullable String trainFailure(
      AeadBackend backend,
      AeadAlgorithm algorithm,
      byte[] keyBytes,
      NonceLayout layout,
      int aadLength) {
    byte[] plain = new byte[TRAIN_PACKETS * STRIDE];
    new Random(1).nextBytes(plain);
    try (Arena arena = Arena.ofConfined();
        AeadKey key = new AeadKey(algorithm, SecretBytes.copyOf(keyBytes), layout, 0x01020304)) {
      MemorySegment train = arena.allocateFrom(JAVA_BYTE, plain);
      PacketRun run =
          new PacketRun()
              .at(train, AAD_LENGTH, STRIDE)
              .of(TRAIN_PACKETS, TRAIN_LENGTH, TRAIN_LAST_LENGTH)
              .counting(TRAIN_COUNTER)
              .authenticating(0, STRIDE, aadLength);
      byte[] expected = sealedOneByOne(backend, key, keyBytes, run, plain);
      TrainCipher cipher = backend.newTrainCipher(algorithm);
      cipher.seal(key, run);
      if (!Arrays.equals(expected, train.toArray(JAVA_BYTE))) {
        return "a train is not sealed like its packets one by one";
      }
      long forged = TRAIN_FORGED * STRIDE + AAD_LENGTH;
      train.set(JAVA_BYTE, forged, (byte) (train.get(JAVA_BYTE, forged) ^ 1));
      if (cipher.open(key, run) != (run.allPackets() & ~(1L << TRAIN_FORGED))) {
        return "opening a train did not refuse exactly the forged packet";
      }
      byte[] opened = train.toArray(JAVA_BYTE);
      return opensTo(plain, opened, run)
          ? null
          : "a train did not open to the packets that were sealed";
    }
  }

  private static byte[] sealedOneByOne(
      AeadBackend backend, AeadKey key, byte[] keyBytes, PacketRun run, byte[] plain) {
    byte[] expected = plain.clone();
    byte[] nonce = new byte[AeadKey.NONCE_LENGTH];
    for (int i = 0; i < run.packets(); i++) {
      int at = i * STRIDE;
      int from = at + AAD_LENGTH;
      key.putNonce(run.firstCounter() + i, nonce);
      byte[] aad = Arrays.copyOfRange(plain, at, at + run.aadLength());
      byte[] plaintext = Arrays.copyOfRange(plain, from, from + run.lengthOf(i));
      byte[] sealed = backend.seal(key.algorithm(), keyBytes, nonce, aad, plaintext);
      System.arraycopy(sealed, 0, expected, from, sealed.length);
    }
    return expected;
  }

  private static boolean opensTo(byte[] plain, byte[] train, PacketRun run) {
    boolean same = true;
    for (int i = 0; i < run.packets(); i++) {
      int from = i * STRIDE + AAD_LENGTH;
      int to = from + run.lengthOf(i);
      same &= i == TRAIN_FORGED || Arrays.equals(plain, from, to, train, from, to);
    }
    return same;
  }
}
