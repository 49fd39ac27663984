// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;

/** Recognises keys that are published in examples, or that are clearly not random. */
final class SampleKeys {
  /** Bytes of a key that are compared. */
  private static final int LENGTH = 16;

  /** The first 16 bytes of keys printed in public. */
  private static final Set<String> PUBLISHED =
      Set.of(
          // Cilium's tests, AES-128 and AES-256, since copied into many clusters.
          "44434241343332312423222114131211",
          // A comment in the tests of Cilium's command line.
          "5118217c0a040d9a4cc22da05bcd677d",
          // Guides to Cilium's IPsec mode.
          "47b57a0241e4c5df0a196ccfbcc7ee1a",
          "2668a9a6b3c4d5e6f7a8b9c0d1e2f3a4",
          // Test vectors of GCM and of GCM in ESP (draft-mcgrew-gcm-test).
          "feffe9928665731c6d6a8f9467308308",
          "4c80cdefbb5d10da906ac73c3613a634");

  private SampleKeys() {}

  static boolean isPublished(byte[] key) {
    return PUBLISHED.contains(HexFormat.of().formatHex(key, 0, LENGTH));
  }

  /** Whether the key repeats itself every 8 bytes, or its bytes count in even steps. */
  static boolean isPattern(byte[] key) {
    boolean repeats = Arrays.equals(key, 0, LENGTH / 2, key, LENGTH / 2, LENGTH);
    boolean counts = true;
    for (int i = 2; i < LENGTH; i++) {
      counts &= (byte) (key[i] - key[i - 1]) == (byte) (key[1] - key[0]);
    }
    return repeats || counts;
  }
}
