// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.tunnel.esp.SaStatus;
import java.util.Locale;

/**
 * One security association, as {@code culvert sas} shows it. Holds no secret.
 *
 * @param direction {@code out} or {@code in}
 * @param spi eight hexadecimal digits
 * @param algorithm as the key file names it, with the key's length
 * @param key a text that differs between keys and tells nothing about them
 * @param ageSeconds since the SA was taken into use
 * @param sequence outbound the next number, inbound the highest accepted; unsigned
 * @param used share of the sequence numbers that are used, 0 to 1
 * @param bytes on the wire, without outer headers
 * @param replayErrors packets refused by the window
 */
public record SaView(
    String peer,
    String direction,
    String spi,
    String algorithm,
    boolean esn,
    String key,
    long ageSeconds,
    String sequence,
    double used,
    long packets,
    long bytes,
    long replayErrors) {
  static SaView of(SaStatus sa) {
    String algorithm =
        sa.algorithm() == AeadAlgorithm.AES_GCM
            ? "rfc4106(gcm(aes))-" + sa.keyBits()
            : sa.algorithm().name().toLowerCase(Locale.ROOT);
    return new SaView(
        sa.peer(),
        sa.outbound() ? "out" : "in",
        String.format(Locale.ROOT, "%08x", sa.spi()),
        algorithm,
        sa.esn(),
        sa.key().toString(),
        sa.ageNanos() / 1_000_000_000L,
        Long.toUnsignedString(sa.sequence()),
        sa.used(),
        sa.packets(),
        sa.bytes(),
        sa.replayErrors());
  }
}
