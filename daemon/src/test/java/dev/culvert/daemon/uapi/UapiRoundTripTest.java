// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.testing.FakeWireGuard;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate.AllowedIpChange;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A random update that is written as UAPI text parses to the same update, and the client reads a
 * device's answer back without loss.
 */
final class UapiRoundTripTest {
  @ParameterizedTest
  @ValueSource(longs = {11, 12, 13, 14})
  void anUpdateThatIsWrittenReadsBackTheSame(long seed) throws IOException, UapiException {
    Random random = new Random(seed);
    for (int round = 0; round < 300; round++) {
      DeviceUpdate update = update(random);
      byte[] text = (format(update) + "\n").getBytes(ISO_8859_1);
      UapiReader lines = new UapiReader(new ByteArrayInputStream(text));
      try (UapiSetParser parser = new UapiSetParser(lines)) {
        assertEquals(update, parser.parse());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {21, 22, 23, 24})
  void whatADeviceTellsIsReadBackByTheClient(long seed) throws IOException {
    Random random = new Random(seed);
    for (int round = 0; round < 50; round++) {
      FakeWireGuard device = new FakeWireGuard("fake0");
      device.configure(update(random));
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      try (UapiConnection connection =
          new UapiConnection(
              device, new ByteArrayInputStream("get=1\n\n".getBytes(ISO_8859_1)), out)) {
        while (connection.serve()) {}
      }
      GatewayView local = GatewayView.of(device, null, Map.of());
      GatewayView remote = UapiClient.read("fake0", new ByteArrayInputStream(out.toByteArray()));
      assertEquals(local.peers(), remote.peers());
      assertEquals(local.publicKey(), remote.publicKey());
      assertEquals(local.listenPort(), remote.listenPort());
      assertEquals(local.fwmark(), remote.fwmark());
    }
  }

  private static DeviceUpdate update(Random random) {
    List<PeerUpdate> peers = new ArrayList<>();
    for (int i = random.nextInt(4); i > 0; i--) {
      List<AllowedIpChange> ranges = new ArrayList<>();
      for (int j = random.nextInt(5); j > 0; j--) {
        IpAddress address = address(random);
        Prefix prefix = new Prefix(address, random.nextInt(address.bitLength() + 1));
        ranges.add(new AllowedIpChange(prefix, random.nextInt(4) == 0));
      }
      peers.add(
          new PeerUpdate(
              PublicKey.of(bytes(random)),
              random.nextInt(8) == 0,
              random.nextInt(8) == 0,
              secret(random),
              random.nextBoolean() ? endpoint(random) : null,
              number(random, 65_536),
              random.nextBoolean(),
              ranges));
    }
    OptionalInt fwmark =
        random.nextBoolean() ? OptionalInt.of(random.nextInt()) : OptionalInt.empty();
    return new DeviceUpdate(
        secret(random), number(random, 65_536), fwmark, random.nextBoolean(), peers);
  }

  private static byte[] bytes(Random random) {
    byte[] bytes = new byte[32];
    random.nextBytes(bytes);
    return bytes;
  }

  private static @Nullable SecretBytes secret(Random random) {
    return random.nextBoolean() ? SecretBytes.owning(bytes(random)) : null;
  }

  private static OptionalInt number(Random random, int bound) {
    return random.nextBoolean()
        ? OptionalInt.of(2 + random.nextInt(bound - 2))
        : OptionalInt.empty();
  }

  private static IpAddress address(Random random) {
    return random.nextBoolean()
        ? IpAddress.ofV4(random.nextInt())
        : IpAddress.ofV6(random.nextLong(), random.nextLong());
  }

  private static Endpoint endpoint(Random random) {
    int port = 1 + random.nextInt(65_535);
    if (random.nextInt(4) == 0) {
      IpAddress linkLocal = IpAddress.ofV6(0xfe80L << 48, random.nextLong());
      return new Endpoint(linkLocal, port, 1 + random.nextInt(1000), null, 0);
    }
    return Endpoint.of(address(random), port);
  }

  private static String format(DeviceUpdate update) {
    StringBuilder text = new StringBuilder();
    line(text, "private_key", update.privateKey());
    line(text, "listen_port", update.listenPort());
    update.fwmark().ifPresent(m -> line(text, "fwmark", Integer.toUnsignedString(m)));
    flag(text, "replace_peers", update.replacePeers());
    for (PeerUpdate peer : update.peers()) {
      line(text, "public_key", peer.publicKey().toHex());
      flag(text, "remove", peer.remove());
      flag(text, "update_only", peer.updateOnly());
      line(text, "preshared_key", peer.presharedKey());
      if (peer.endpoint() != null) {
        line(text, "endpoint", peer.endpoint().toString());
      }
      line(text, "persistent_keepalive_interval", peer.persistentKeepalive());
      flag(text, "replace_allowed_ips", peer.replaceAllowedIps());
      peer.allowedIps()
          .forEach(c -> line(text, "allowed_ip", (c.remove() ? "-" : "") + c.prefix()));
    }
    return text.toString();
  }

  private static void line(StringBuilder text, String key, String value) {
    text.append(key).append('=').append(value).append('\n');
  }

  private static void line(StringBuilder text, String key, @Nullable SecretBytes value) {
    if (value != null) {
      line(text, key, HexFormat.of().formatHex(value.toByteArray()));
    }
  }

  private static void line(StringBuilder text, String key, OptionalInt value) {
    value.ifPresent(number -> line(text, key, Integer.toString(number)));
  }

  private static void flag(StringBuilder text, String key, boolean value) {
    if (value) {
      line(text, key, "true");
    }
  }
}
