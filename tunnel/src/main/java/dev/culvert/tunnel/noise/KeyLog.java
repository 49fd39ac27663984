// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

/**
 * Receives the ephemeral private key of every handshake, so that a capture can be deciphered with
 * {@code LOCAL_EPHEMERAL_PRIVATE_KEY} lines. It breaks forward secrecy, so an implementation may
 * keep keys only on an operator's explicit demand.
 */
@FunctionalInterface
public interface KeyLog {
  /**
   * Receives a new ephemeral key.
   *
   * @param peer the other end
   * @param ephemeralPrivateKey 32 bytes, wiped after the call
   */
  void onHandshake(PublicKey peer, byte[] ephemeralPrivateKey);
}
