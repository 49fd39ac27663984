// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import static java.nio.charset.StandardCharsets.US_ASCII;

/**
 * The labels that separate the handshakes of one protocol from those of another: a message made
 * under one set of labels does not verify under another, not even between the same static keys.
 *
 * @param identifier goes into the handshake hash before anything else (Noise: the prologue)
 * @param mac1 label of the key of mac1
 * @param cookie label of the key that cookies are enciphered with
 */
public record ProtocolLabels(String identifier, String mac1, String cookie) {
  byte[] identifierBytes() {
    return identifier.getBytes(US_ASCII);
  }

  byte[] mac1Bytes() {
    return mac1.getBytes(US_ASCII);
  }

  byte[] cookieBytes() {
    return cookie.getBytes(US_ASCII);
  }
}
