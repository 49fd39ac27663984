// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.SecureRandom;
import java.security.spec.NamedParameterSpec;
import java.security.spec.XECPrivateKeySpec;
import java.security.spec.XECPublicKeySpec;
import java.util.Arrays;
import java.util.Random;
import javax.crypto.KeyAgreement;
import org.junit.jupiter.api.Test;

/**
 * X25519 agrees with Wycheproof and the JDK, rejects an all-zero shared secret, and refuses keys of
 * a wrong length.
 */
class X25519Test {
  @Test
  void agreesWithWycheproofAndRejectsEveryZeroSharedSecret() throws IOException {
    int run = 0;
    int passed = 0;
    int zero = 0;
    for (JsonNode test : Vectors.wycheproof("x25519_test.json")) {
      byte[] expected = Vectors.bytes(test, "shared");
      byte[] shared = new byte[X25519.KEY_LENGTH];
      Arrays.fill(shared, (byte) 0x55);
      boolean agreed =
          X25519.agree(Vectors.bytes(test, "private"), Vectors.bytes(test, "public"), shared);
      boolean isZero = false;
      for (JsonNode flag : test.required("flags")) {
        isZero |= flag.textValue().equals("ZeroSharedSecret");
      }
      run++;
      zero += isZero && !agreed ? 1 : 0;
      passed += agreed != isZero && Arrays.equals(expected, shared) ? 1 : 0;
    }
    Vectors.report("wycheproof x25519 (" + zero + " zero secrets rejected):", passed, run);
    assertEquals(518, run);
    assertEquals(31, zero);
    assertEquals(518, passed);
  }

  @Test
  void derivesThePublicKeyThatTheJdkDerives() throws GeneralSecurityException {
    Random random = new Random(7748);
    byte[] basePoint = new byte[X25519.KEY_LENGTH];
    basePoint[0] = 9;
    for (int i = 0; i < 50; i++) {
      byte[] privateKey = new byte[X25519.KEY_LENGTH];
      random.nextBytes(privateKey);
      assertArrayEquals(agreeInTheJdk(privateKey, basePoint), X25519.publicKey(privateKey));
      X25519.clamp(privateKey);
      assertArrayEquals(agreeInTheJdk(privateKey, basePoint), X25519.publicKey(privateKey));
    }
  }

  private static byte[] agreeInTheJdk(byte[] privateKey, byte[] publicKey)
      throws GeneralSecurityException {
    KeyFactory factory = KeyFactory.getInstance("X25519");
    byte[] bigEndian = new byte[publicKey.length];
    for (int i = 0; i < publicKey.length; i++) {
      bigEndian[i] = publicKey[publicKey.length - 1 - i];
    }
    KeyAgreement agreement = KeyAgreement.getInstance("X25519");
    agreement.init(
        factory.generatePrivate(new XECPrivateKeySpec(NamedParameterSpec.X25519, privateKey)));
    agreement.doPhase(
        factory.generatePublic(
            new XECPublicKeySpec(NamedParameterSpec.X25519, new BigInteger(1, bigEndian))),
        true);
    return agreement.generateSecret();
  }

  @Test
  void bothSidesAgree() {
    SecureRandom random = new SecureRandom();
    byte[] ours = X25519.generatePrivateKey(random);
    byte[] theirs = X25519.generatePrivateKey(random);
    byte[] here = new byte[X25519.KEY_LENGTH];
    byte[] there = new byte[X25519.KEY_LENGTH];
    assertTrue(X25519.agree(ours, X25519.publicKey(theirs), here));
    assertTrue(X25519.agree(theirs, X25519.publicKey(ours), there));
    assertArrayEquals(here, there);
  }

  @Test
  void wipesWhatALowOrderKeyLeaves() {
    byte[] shared = new byte[X25519.KEY_LENGTH];
    Arrays.fill(shared, (byte) 0x55);
    byte[] ours = X25519.generatePrivateKey(new SecureRandom());
    assertFalse(X25519.agree(ours, new byte[X25519.KEY_LENGTH], shared));
    assertArrayEquals(new byte[X25519.KEY_LENGTH], shared);
  }

  @Test
  void generatedPrivateKeysAreClamped() {
    byte[] key = X25519.generatePrivateKey(new SecureRandom());
    byte[] clamped = key.clone();
    X25519.clamp(clamped);
    assertArrayEquals(clamped, key);
    byte[] ones = new byte[X25519.KEY_LENGTH];
    Arrays.fill(ones, (byte) 0xff);
    X25519.clamp(ones);
    assertEquals("f8" + "ff".repeat(30) + "7f", Vectors.hex(ones));
    byte[] zeros = new byte[X25519.KEY_LENGTH];
    X25519.clamp(zeros);
    assertEquals("00".repeat(31) + "40", Vectors.hex(zeros));
  }

  @Test
  void refusesKeysOfAnotherLength() {
    byte[] good = new byte[32];
    byte[] bad = new byte[31];
    assertThrows(IllegalArgumentException.class, () -> X25519.publicKey(bad));
    assertThrows(IllegalArgumentException.class, () -> X25519.clamp(bad));
    assertThrows(IllegalArgumentException.class, () -> X25519.agree(bad, good, good));
    assertThrows(IllegalArgumentException.class, () -> X25519.agree(good, bad, good));
    assertThrows(IllegalArgumentException.class, () -> X25519.agree(good, good, bad));
  }
}
