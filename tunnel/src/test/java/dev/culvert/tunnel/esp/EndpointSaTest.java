// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.esp.EspPeerSettings.Binding;
import dev.culvert.tunnel.esp.global.GlobalKeying;
import dev.culvert.tunnel.esp.global.TestKeys;
import dev.culvert.tunnel.testing.Station;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** One SA for every prefix behind its receiver, derived from one exchange of epochs a pair. */
final class EndpointSaTest {
  private static final String POD_1 = "10.42.2.1";
  private static final String POD_2 = "10.42.2.2";
  private static final String NEW_POD = "10.42.2.3";

  private final GlobalStation alice = new GlobalStation("alice", 1);
  private final GlobalStation bob = new GlobalStation("bob", 2);
  private long now = 1;

  private static final class GlobalStation extends Station {
    private final EspEngine engine;
    private final dev.culvert.tunnel.engine.DataPath path;

    GlobalStation(String name, int number) {
      super(name, number, 4500);
      engine =
          new EspEngine(
              new GlobalKeying(TestKeys.file(3), true, new Random(number)),
              Map.of(AeadAlgorithm.AES_GCM, EspStation.backend()));
      path = engine.newDataPath();
    }

    void knows(Station other, Binding binding, List<String> local, List<String> remote) {
      engine.peers(
          List.of(
              new EspPeerSettings(
                  other.name,
                  address.address(),
                  other.address.address(),
                  other.address,
                  new Selectors(prefixes(local), prefixes(remote)),
                  binding,
                  0)),
          0);
    }

    private static List<Prefix> prefixes(List<String> addresses) {
      return addresses.stream().map(IpAddress::parse).map(Prefix::host).toList();
    }

    @Override
    public EspEngine engine() {
      return engine;
    }

    @Override
    public dev.culvert.tunnel.engine.DataPath path() {
      return path;
    }

    @Override
    protected int mtu() {
      return 1438;
    }

    @Override
    public void knows(Station other) {
      throw new AssertionError("says more than that");
    }

    @Override
    public TunnelPeer peer(Station other) {
      throw new AssertionError("depends on the destination");
    }
  }

  @BeforeEach
  void introduce() {
    alice.knows(bob, Binding.ENDPOINTS, List.of("10.0.0.1"), List.of(POD_1, POD_2));
    bob.knows(alice, Binding.ENDPOINTS, List.of(POD_1, POD_2), List.of("10.0.0.1"));
    settle();
  }

  /** Lets both say all that they have to say to each other. */
  private void settle() {
    for (int turn = 0; turn < 8; turn++) {
      now += 1_000_000;
      say(alice, bob);
      say(bob, alice);
    }
  }

  private void say(Station from, Station to) {
    from.engine().advance(now, now);
    Datagram out = from.datagram;
    while (from.engine().pollTransmit(out, now)) {
      byte[] bytes = out.memory().asSlice(0, out.length()).toArray(ValueLayout.JAVA_BYTE);
      to.receive(from.address, now, bytes);
    }
    for (var event = from.engine().pollEvent(); event != null; event = from.engine().pollEvent()) {
      from.events.add(event);
    }
  }

  /** The datagram of a packet from alice, or null if no SA carries it. */
  private byte[] sealed(String destination, int number) {
    IpAddress to = IpAddress.parse(destination);
    TunnelPeer peer = alice.engine.route4((int) to.low());
    assertNotNull(peer, destination);
    byte[] packet = Station.packet(alice.inner, to, number);
    assertEquals(SealResult.SEALED, alice.sealPackets(peer, now, packet));
    return alice.outbox.removeLast();
  }

  private static int spi(byte[] datagram) {
    return ByteBuffer.wrap(datagram).getInt(0);
  }

  @Test
  void everyPodHasAnSaOfItsOwn() {
    byte[] first = sealed(POD_1, 1);
    byte[] second = sealed(POD_2, 2);
    assertFalse(spi(first) == spi(second));
    assertEquals(3, spi(first) & 15, "the key's id");
    bob.receive(alice.address, now, first);
    bob.receive(alice.address, now, second);
    assertEquals(List.of(1, 2), bob.deliveredNumbers());
    Set<SaKeyId> keys = new HashSet<>();
    List<SaStatus> sas = alice.engine.securityAssociations(now);
    sas.forEach(sa -> assertTrue(keys.add(sa.key())));
    assertEquals(3, sas.size(), "two to the pods, one from them");
  }

  @Test
  void aPodThatNobodyNamedIsNobodys() {
    assertNull(alice.engine.route4((int) IpAddress.parse(NEW_POD).low()));
  }

  /** Sealed under the SA of one pod for another: the receiver's selectors hold. */
  @Test
  void anSaCarriesNothingForAnotherPod() {
    TunnelPeer toFirst = alice.engine.route4((int) IpAddress.parse(POD_1).low());
    assertNotNull(toFirst);
    byte[] packet = Station.packet(alice.inner, IpAddress.parse(POD_2), 1);
    assertEquals(SealResult.SEALED, alice.sealPackets(toFirst, now, packet));
    bob.receive(alice.address, now, alice.outbox.removeLast());
    assertEquals(List.of(), bob.deliveredNumbers());
    assertEquals(1, bob.drops(DropReason.DESTINATION_NOT_ALLOWED));
  }

  @Test
  void aNewPodGetsItsSaFromTheExchangeThatWasAndAnOldOneKeepsItsOwn() {
    int before = spi(sealed(POD_1, 1));
    bob.knows(alice, Binding.ENDPOINTS, List.of(POD_1, POD_2, NEW_POD), List.of("10.0.0.1"));
    alice.knows(bob, Binding.ENDPOINTS, List.of("10.0.0.1"), List.of(POD_1, POD_2, NEW_POD));
    settle();
    assertEquals(before, spi(sealed(POD_1, 2)));
    bob.receive(alice.address, now, sealed(NEW_POD, 3));
    assertEquals(List.of(3), bob.deliveredNumbers());
  }

  /** It comes back under the same epochs, so with the same key: its numbers go on. */
  @Test
  void aPodThatComesBackNeverRepeatsANumber() {
    ByteBuffer first = ByteBuffer.wrap(sealed(POD_1, 1));
    alice.knows(bob, Binding.ENDPOINTS, List.of("10.0.0.1"), List.of(POD_2));
    assertNull(alice.engine.route4((int) IpAddress.parse(POD_1).low()));
    alice.knows(bob, Binding.ENDPOINTS, List.of("10.0.0.1"), List.of(POD_1, POD_2));
    ByteBuffer again = ByteBuffer.wrap(sealed(POD_1, 2));
    assertEquals(first.getInt(0), again.getInt(0));
    assertTrue(again.getLong(8) > first.getLong(8));
    bob.receive(alice.address, now, again.array());
    assertEquals(List.of(2), bob.deliveredNumbers());
  }

  @Test
  void endsThatDivideTrafficDifferentlyAgreeOnNothing() {
    alice.knows(bob, Binding.NODES, List.of("10.0.0.1"), List.of(POD_1, POD_2));
    bob.engine.peers(List.of(), now);
    bob.knows(alice, Binding.ENDPOINTS, List.of(POD_1, POD_2), List.of("10.0.0.1"));
    settle();
    assertEquals(List.of(), alice.engine.securityAssociations(now));
    assertEquals(List.of(), bob.engine.securityAssociations(now));
  }
}
