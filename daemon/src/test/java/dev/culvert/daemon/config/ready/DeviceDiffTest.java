// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.testing.FakeWireGuard;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate.AllowedIpChange;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The difference of two configurations of a device names only the parts that changed, and the
 * device has the wanted configuration after it is applied.
 */
final class DeviceDiffTest {
  private static byte[] key(int i) {
    byte[] key = new byte[32];
    key[0] = (byte) i;
    return key;
  }

  private static PeerUpdate peer(int i, int psk, int port, String... ranges) {
    List<AllowedIpChange> changes = new ArrayList<>();
    for (String range : ranges) {
      changes.add(new AllowedIpChange(Prefix.parse(range), false));
    }
    return new PeerUpdate(
        PublicKey.of(key(i)),
        false,
        false,
        SecretBytes.owning(key(psk)),
        Endpoint.of(IpAddress.ofV4(i), port),
        OptionalInt.of(0),
        true,
        changes);
  }

  private static DeviceUpdate wanted(int key, PeerUpdate... peers) {
    return new DeviceUpdate(
        SecretBytes.owning(key(key)), OptionalInt.of(7), OptionalInt.of(0), true, List.of(peers));
  }

  private static DeviceUpdate diff(FakeWireGuard device, DeviceUpdate wanted) {
    return diff(device, Map.of(), wanted);
  }

  private static DeviceUpdate diff(
      FakeWireGuard device, Map<PublicKey, Endpoint> before, DeviceUpdate wanted) {
    try (DeviceSnapshot now = device.snapshot()) {
      return DeviceDiff.between(
          now, device.tunnel().listenPort(), device.tunnel().fwmark(), before, wanted);
    }
  }

  private static PeerUpdate learnt(int i, int port) {
    return new PeerUpdate(
        PublicKey.of(key(i)),
        false,
        true,
        null,
        Endpoint.of(IpAddress.parse("203.0.113.7"), port),
        OptionalInt.empty(),
        false,
        List.of());
  }

  @Test
  void aPeerThatWasLearntToBeElsewhereStaysThereUntilAnotherEndpointIsWanted() throws IOException {
    FakeWireGuard device = new FakeWireGuard("x");
    DeviceUpdate wanted = wanted(1, peer(2, 0, 9, "10.0.0.0/8"));
    device.configure(wanted);
    device.configure(
        new DeviceUpdate(
            null, OptionalInt.empty(), OptionalInt.empty(), false, List.of(learnt(2, 4711))));
    Map<PublicKey, Endpoint> before =
        Map.of(PublicKey.of(key(2)), assertNotNullEndpoint(wanted.peers().getFirst()));
    assertTrue(DeviceDiff.isEmpty(diff(device, before, wanted)));
    PeerUpdate withMore =
        diff(device, before, wanted(1, peer(2, 5, 9, "10.0.0.0/8"), peer(3, 0, 9)))
            .peers()
            .getFirst();
    assertNotNull(withMore.presharedKey());
    assertNull(withMore.endpoint());
    PeerUpdate elsewhere =
        diff(device, before, wanted(1, peer(2, 0, 10, "10.0.0.0/8"))).peers().getFirst();
    assertEquals(10, assertNotNullEndpoint(elsewhere).port());
  }

  @Test
  void aPeerThatWasLearntToBeElsewhereComesBackOnceItMayNotBeThere() throws IOException {
    FakeWireGuard device = new FakeWireGuard("x");
    PeerUpdate peer = peer(2, 0, 9, "10.0.0.0/8");
    Endpoint at = assertNotNullEndpoint(peer);
    Map<PublicKey, Endpoint> before = Map.of(PublicKey.of(key(2)), at);
    device.configure(wanted(1, peer));
    device.configure(
        new DeviceUpdate(
            null, OptionalInt.empty(), OptionalInt.empty(), false, List.of(learnt(2, 4711))));
    DeviceUpdate anywhere = wanted(1, heardAt(peer, Set.of()));
    assertTrue(DeviceDiff.isEmpty(diff(device, before, anywhere)));
    DeviceUpdate there = wanted(1, heardAt(peer, Set.of(IpAddress.parse("203.0.113.7"))));
    PeerUpdate known = diff(device, before, there).peers().getFirst();
    assertEquals(Set.of(IpAddress.parse("203.0.113.7")), known.addresses());
    assertNull(known.endpoint());
    PeerUpdate back =
        diff(device, before, wanted(1, heardAt(peer, Set.of(at.address())))).peers().getFirst();
    assertEquals(at, back.endpoint());
    assertEquals(Set.of(at.address()), back.addresses());
  }

  private static PeerUpdate heardAt(PeerUpdate peer, Set<IpAddress> addresses) {
    return new PeerUpdate(
        peer.publicKey(),
        false,
        false,
        peer.presharedKey(),
        peer.endpoint(),
        addresses,
        peer.persistentKeepalive(),
        true,
        peer.allowedIps());
  }

  @Test
  void nothingToChangeIsAnEmptyUpdate() throws IOException {
    FakeWireGuard device = new FakeWireGuard("x");
    device.configure(wanted(1, peer(2, 0, 9, "10.0.0.0/8"), peer(3, 5, 9)));
    DeviceUpdate update = diff(device, wanted(1, peer(2, 0, 9, "10.0.0.0/8"), peer(3, 5, 9)));
    assertTrue(DeviceDiff.isEmpty(update), update::toString);
  }

  @Test
  void aPeerThatStaysIsNotNamedOrOnlyWithWhatChanged() throws IOException {
    FakeWireGuard device = new FakeWireGuard("x");
    device.configure(wanted(1, peer(2, 0, 9, "10.0.0.0/8"), peer(3, 0, 9, "10.1.0.0/16")));
    DeviceUpdate update =
        diff(device, wanted(1, peer(2, 0, 9, "10.0.0.0/8"), peer(3, 0, 10, "10.1.0.0/16")));
    assertEquals(1, update.peers().size());
    PeerUpdate changed = update.peers().getFirst();
    assertEquals(PublicKey.of(key(3)), changed.publicKey());
    assertEquals(10, assertNotNullEndpoint(changed).port());
    assertNull(changed.presharedKey());
    assertFalse(changed.replaceAllowedIps());
    assertNull(update.privateKey());
    assertFalse(update.replacePeers());
  }

  private static Endpoint assertNotNullEndpoint(PeerUpdate peer) {
    assertNotNull(peer.endpoint());
    return peer.endpoint();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void applyingTheDifferenceGivesTheWantedDevice(long seed) throws IOException {
    Random random = new Random(seed);
    FakeWireGuard device = new FakeWireGuard("x");
    for (int round = 0; round < 100; round++) {
      DeviceUpdate wanted = random(random);
      device.configure(diff(device, wanted));
      FakeWireGuard fresh = new FakeWireGuard("x");
      fresh.configure(wanted);
      try (DeviceSnapshot reached = device.snapshot();
          DeviceSnapshot expected = fresh.snapshot()) {
        assertEquals(
            expected.peers().stream().map(Object::toString).sorted().toList(),
            reached.peers().stream().map(Object::toString).sorted().toList());
        assertEquals(expected.privateKey(), reached.privateKey());
        assertEquals(fresh.tunnel().fwmark(), device.tunnel().fwmark());
      }
      assertTrue(DeviceDiff.isEmpty(diff(device, wanted)));
    }
  }

  private static DeviceUpdate random(Random random) {
    List<PeerUpdate> peers = new ArrayList<>();
    List<String> ranges = new ArrayList<>(List.of("10.0.0.0/8", "10.1.0.0/16", "fd00::/8", "::/0"));
    for (int i = 1; i < 5; i++) {
      if (random.nextBoolean()) {
        List<String> own = new ArrayList<>();
        while (!ranges.isEmpty() && random.nextBoolean()) {
          own.add(ranges.remove(random.nextInt(ranges.size())));
        }
        peers.add(peer(i, random.nextInt(2), 7 + random.nextInt(2), own.toArray(new String[0])));
      }
    }
    return wanted(1 + random.nextInt(2), peers.toArray(new PeerUpdate[0]));
  }
}
