// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Selectors;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.List;
import javax.crypto.KDF;
import javax.crypto.spec.HKDFParameterSpec;

/**
 * Everything that is derived from a global key: HKDF-SHA-256 (RFC 5869) with the whole line (AES
 * key and salt) as input. The info strings have different labels, and their fields have a fixed
 * length or a length prefix, so that no two purposes have the same info string.
 */
final class KeySchedule {
  static final int MAC_KEY_LENGTH = 32;

  private static final byte[] EXTRACT_SALT = ascii("culvert esp v1");
  private static final String EXCHANGE_LABEL = "exchange";
  private static final String RANGES_LABEL = "ranges";
  private static final String RANGES_MASK_LABEL = "ranges mask";
  private static final String SA_LABEL = "sa";
  private static final String SPI_LABEL = "spi";

  private KeySchedule() {}

  /** The direction of packets under a derived key. */
  enum Direction {
    FROM_INITIATOR(1),
    FROM_RESPONDER(2);

    private final int code;

    Direction(int code) {
      this.code = code;
    }

    Direction reverse() {
      return this == FROM_INITIATOR ? FROM_RESPONDER : FROM_INITIATOR;
    }
  }

  /** The key that authenticates the exchange of this pair: the same at both ends. */
  static SecretBytes exchangeKey(GlobalKey global, EspPeerSettings pair, boolean esn) {
    boolean localFirst = pair.localNode().compareTo(pair.remoteNode()) < 0;
    Info info = new Info(EXCHANGE_LABEL).number(global.id()).number(esn ? 1 : 0);
    List<Prefix> local = pair.agreed().local();
    List<Prefix> remote = pair.agreed().remote();
    if (localFirst) {
      info.address(pair.localNode()).address(pair.remoteNode()).prefixes(local).prefixes(remote);
    } else {
      info.address(pair.remoteNode()).address(pair.localNode()).prefixes(remote).prefixes(local);
    }
    // Otherwise, ends that divide traffic differently would agree on SAs that do not match.
    if (pair.binding() == EspPeerSettings.Binding.ENDPOINTS) {
      info.number(1);
    }
    return SecretBytes.owning(derive(global, info, MAC_KEY_LENGTH));
  }

  /**
   * The key of the {@link RangesMessage} of this pair: the same even if the ends' ranges differ.
   */
  static SecretBytes rangesKey(GlobalKey global, EspPeerSettings pair) {
    return SecretBytes.owning(derive(global, ranges(RANGES_LABEL, global, pair), MAC_KEY_LENGTH));
  }

  /**
   * The mask that hides one {@link RangesMessage}: as long as its body, and used only for its
   * nonce.
   */
  static byte[] rangesMask(GlobalKey global, EspPeerSettings pair, Epoch nonce, int length) {
    return derive(global, ranges(RANGES_MASK_LABEL, global, pair).epoch(nonce), length);
  }

  private static Info ranges(String label, GlobalKey global, EspPeerSettings pair) {
    boolean localFirst = pair.localNode().compareTo(pair.remoteNode()) < 0;
    Info info = new Info(label).number(global.id());
    return localFirst
        ? info.address(pair.localNode()).address(pair.remoteNode())
        : info.address(pair.remoteNode()).address(pair.localNode());
  }

  /**
   * All inputs of an SA's key.
   *
   * @param selectors the SA's selectors
   * @param outbound whether packets go from our node to the peer's
   */
  record Purpose(
      GlobalKey global,
      EspPeerSettings pair,
      Selectors selectors,
      boolean esn,
      Epochs epochs,
      Direction direction,
      boolean outbound) {
    private Info info(String label) {
      return new Info(label)
          .number(global.id())
          .number(esn ? 1 : 0)
          .number(direction.code)
          .address(outbound ? pair.localNode() : pair.remoteNode())
          .address(outbound ? pair.remoteNode() : pair.localNode())
          .epoch(epochs.initiator())
          .epoch(epochs.responder())
          .prefixes(outbound ? selectors.local() : selectors.remote())
          .prefixes(outbound ? selectors.remote() : selectors.local());
    }
  }

  /** AES key and salt of one direction of one pair of epochs. */
  static byte[] saKey(Purpose sa) {
    int length = sa.global.aesKeyLength() + GlobalKey.SALT_LENGTH;
    return derive(sa.global, sa.info(SA_LABEL), length);
  }

  /**
   * The SPI of an SA that is one of many under one global key: 27 bits that do not reveal its
   * purpose, and the key's id. IANA reserves SPIs below 256.
   */
  static int spi(Purpose sa) {
    int bits = ByteBuffer.wrap(derive(sa.global, sa.info(SPI_LABEL), Integer.BYTES)).getInt();
    return (bits & 0x7fff_fff0) | 0x8000_0000 | sa.global.id();
  }

  private static byte[] derive(GlobalKey global, Info info, int length) {
    byte[] input = global.material().toByteArray();
    try {
      return KDF.getInstance("HKDF-SHA256")
          .deriveData(
              HKDFParameterSpec.ofExtract()
                  .addSalt(EXTRACT_SALT)
                  .addIKM(input)
                  .thenExpand(info.toBytes(), length));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has HKDF-SHA256", e);
    } finally {
      Arrays.fill(input, (byte) 0);
    }
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** An info string under construction. */
  private static final class Info {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Info(String label) {
      counted(ascii(label));
    }

    Info number(int value) {
      for (int shift = 24; shift >= 0; shift -= 8) {
        bytes.write(value >>> shift);
      }
      return this;
    }

    /** 4 or 16 bytes; an IPv4-mapped address is the IPv4 address that it maps. */
    Info address(IpAddress address) {
      return counted(IpAddress.ofBytes(address.toBytes()).toBytes());
    }

    Info epoch(Epoch epoch) {
      return counted(epoch.toBytes());
    }

    Info prefixes(List<Prefix> prefixes) {
      number(prefixes.size());
      for (Prefix prefix : prefixes) {
        address(prefix.address()).number(prefix.length());
      }
      return this;
    }

    private Info counted(byte[] field) {
      number(field.length);
      bytes.writeBytes(field);
      return this;
    }

    byte[] toBytes() {
      return bytes.toByteArray();
    }
  }
}
