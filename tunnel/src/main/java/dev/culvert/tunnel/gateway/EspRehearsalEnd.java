// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.esp.EspEngine;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.esp.manual.ManualKeying;
import dev.culvert.tunnel.esp.manual.ManualSa;
import dev.culvert.tunnel.esp.manual.SequenceStore;
import dev.culvert.tunnel.port.Encapsulation;
import java.security.SecureRandom;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/** An end that speaks ESP over UDP, under keys that both ends know from the beginning. */
final class EspRehearsalEnd extends RehearsalEnd {
  private static final String PEER = "peer";
  private static final int KEY_LENGTH = 16;
  private static final int SPI = 4242;

  private final Keys keys;

  /** The keys of both directions, and the numbers that were given out. */
  private record Keys(SecretBytes out, SecretBytes in, AtomicLong next) {
    ManualKeying keying() {
      SequenceStore store =
          (fingerprint, count, end) -> {
            long first = next.getAndAdd(count);
            return new SequenceStore.Block(first, first + count);
          };
      return new ManualKeying(List.of(sa(in)), List.of(sa(out)), store);
    }

    private static ManualSa sa(SecretBytes key) {
      return new ManualSa(PEER, SPI, key.copy(), SPI, true);
    }
  }

  private EspRehearsalEnd(String name, int lanes, IpAddress address, Keys keys)
      throws DeviceException {
    super(
        GatewayOptions.esp(name, 0, lanes, GatewayOptions.BY_MACHINE, 0, 0, Encapsulation.UDP),
        address,
        engine(keys));
    this.keys = keys;
  }

  /** Two ends that know each other's keys. */
  static List<EspRehearsalEnd> pair(
      String name, int lanes, IpAddress address, String otherName, IpAddress otherAddress)
      throws DeviceException {
    SecretBytes there = newKey();
    SecretBytes back = newKey();
    EspRehearsalEnd first =
        new EspRehearsalEnd(name, lanes, address, new Keys(there, back, new AtomicLong(1)));
    try {
      return List.of(
          first,
          new EspRehearsalEnd(
              otherName, lanes, otherAddress, new Keys(back, there, new AtomicLong(1))));
    } catch (DeviceException | RuntimeException e) {
      first.close();
      throw e;
    }
  }

  private static SecretBytes newKey() {
    byte[] key = new byte[KEY_LENGTH];
    new SecureRandom().nextBytes(key);
    return SecretBytes.owning(key);
  }

  private static EspEngine engine(Keys keys) {
    Map<AeadAlgorithm, AeadBackend> backends = new EnumMap<>(AeadAlgorithm.class);
    for (AeadAlgorithm algorithm : AeadAlgorithm.values()) {
      backends.put(algorithm, AeadBackends.first(algorithm));
    }
    return new EspEngine(keys.keying(), backends);
  }

  @Override
  TunnelEngine newEngine() {
    return engine(keys);
  }

  @Override
  String identity() {
    return PEER;
  }

  @Override
  boolean meetsFirst() {
    return true;
  }

  @Override
  void meet(TunnelEngine own, RehearsalEnd other) {
    if (!(own instanceof EspEngine engine)) {
      throw new IllegalArgumentException("another engine");
    }
    Selectors selectors =
        new Selectors(List.of(Prefix.host(address())), List.of(Prefix.host(other.address())));
    engine.peers(
        List.of(new EspPeerSettings(PEER, address(), other.address(), other.endpoint(), selectors)),
        System.nanoTime());
  }
}
