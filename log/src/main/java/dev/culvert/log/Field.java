// SPDX-License-Identifier: Apache-2.0
package dev.culvert.log;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * An argument of a message that is also a field of its own in JSON. In the message it reads as its
 * value.
 *
 * @param name as programs that read the log see it
 * @param value null: the field is left out, and the message says "null"
 */
public record Field(String name, @Nullable Object value) {
  /** The names, in the order in which {@code docs/logs.md} lists them. */
  public static final String INTERFACE = "interface";

  public static final String PEER = "peer";
  public static final String ENDPOINT = "endpoint";
  public static final String REASON = "reason";
  public static final String SPI = "spi";
  public static final String EPOCH = "epoch";

  /** The tunnel interface. */
  public static Field tunnel(String interfaceName) {
    return new Field(INTERFACE, interfaceName);
  }

  /** A peer's name or public key. */
  public static Field peer(String peer) {
    return new Field(PEER, peer);
  }

  /** An address, or an address and a UDP port. */
  public static Field endpoint(Object endpoint) {
    return new Field(ENDPOINT, endpoint);
  }

  /** Why something failed or was refused. */
  public static Field reason(@Nullable Object reason) {
    return new Field(REASON, reason);
  }

  /** A security parameter index, shown as eight hexadecimal digits. */
  public static Field spi(int spi) {
    return new Field(SPI, String.format(Locale.ROOT, "%08x", spi));
  }

  /** The id of a global ESP key, 1 to 15. */
  public static Field epoch(int keyId) {
    return new Field(EPOCH, keyId);
  }

  @Override
  public String toString() {
    return String.valueOf(value);
  }
}
