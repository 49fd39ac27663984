// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.offload.InnerPacket;
import dev.culvert.tunnel.port.Encapsulation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The tunnel's own datagrams are recognised by protocol, port, destination and source, and a pod's
 * datagram is not taken for one.
 */
class SelfTrafficTest {
  private static final int PORT = 51_820;
  private static final int DEVICE = 9;

  private final HostAddresses host = new HostAddresses();
  private final MemorySegment memory = Arena.ofAuto().allocate(2048);
  private final InnerPacket packet = new InnerPacket();

  private SelfTraffic traffic(Encapsulation encapsulation) {
    SelfTraffic self =
        new SelfTraffic(() -> DEVICE, encapsulation, host, new LoopReports(to -> {}));
    self.sendFrom(PORT);
    return self;
  }

  private static Endpoint peer(String address, String source) {
    return new Endpoint(IpAddress.parse(address), 4242, 0, IpAddress.parse(source), 3);
  }

  /** A packet of 60 bytes of payload, whose transport begins with {@code transport}. */
  private boolean isOwn(SelfTraffic self, String from, String to, int protocol, String transport) {
    IpAddress source = IpAddress.parse(from);
    boolean v4 = source.v4();
    memory.fill((byte) 0);
    int header = v4 ? 20 : 40;
    memory.set(ValueLayout.JAVA_BYTE, 0, (byte) (v4 ? 0x45 : 0x60));
    memory.set(ValueLayout.JAVA_BYTE, v4 ? 3 : 5, (byte) (v4 ? 80 : 60));
    memory.set(ValueLayout.JAVA_BYTE, v4 ? 9 : 6, (byte) protocol);
    put(v4 ? 12 : 8, source.toBytes());
    put(v4 ? 16 : 24, IpAddress.parse(to).toBytes());
    put(header, HexFormat.of().parseHex(transport));
    assertTrue(packet.read(memory, 0, header + 60));
    return self.own(packet, memory, 0) != null;
  }

  private void hostHas(String... addresses) {
    host.set(Stream.of(addresses).map(IpAddress::parse).collect(Collectors.toSet()));
  }

  private void put(int at, byte[] bytes) {
    MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, at, bytes.length);
  }

  @ParameterizedTest
  @CsvSource({
    "10.9.0.1, 10.9.0.2, 17, ca6c1092, true", // source port 51820
    "10.9.0.1, 10.9.0.2, 17, ca6d1092, false", // another port: an application's
    "10.9.0.1, 10.9.0.3, 17, ca6c1092, false", // nobody we send to
    "10.9.0.7, 10.9.0.2, 17, ca6c1092, false", // forwarded: not the source that we chose
    "10.66.0.1, 10.9.0.2, 17, ca6c1092, true", // a MASQUERADE rule gave it the tunnel's address
    "10.9.0.1, 10.9.0.2, 17, ca6c1093, false", // to another port than the peer's
    "10.9.0.1, 10.9.0.2, 6, ca6c1092, false",
    "10.9.0.1, 10.9.0.2, 50, ca6c1092, false", // ESP of somebody else's
    "fd09::1, fd09::2, 17, ca6c1092, true",
    "fd66::1, fd09::2, 17, ca6c1092, true",
    "fd09::7, fd09::2, 17, ca6c1092, false",
    "fd09::1, fd09::3, 17, ca6c1092, false",
    "fd09::1, fd09::2, 44, 1100000100000001ca6c1092, true", // first fragment
    "fd09::1, fd09::2, 44, 1100008100000001ca6c1092, false", // later fragment
    "fd09::1, fd09::2, 44, 0600000100000001ca6c1092, false"
  })
  void ourDatagramsAreKnownByPortDestinationAndSource(
      String from, String to, int protocol, String transport, boolean own) {
    hostHas("10.9.0.1", "10.66.0.1", "fd09::1", "fd66::1");
    SelfTraffic self = traffic(Encapsulation.UDP);
    assertFalse(isOwn(self, from, to, protocol, transport), "nothing was sent yet");
    self.sendingTo(peer("10.9.0.2", "10.9.0.1"));
    self.sendingTo(peer("fd09::2", "fd09::1"));
    assertEquals(own, isOwn(self, from, to, protocol, transport));
  }

  @ParameterizedTest
  @CsvSource({"10.66.0.1, true", "10.42.1.7, false"})
  void whileTheKernelChoosesTheSourceAnyOfTheHostsIsOursButNoPods(String from, boolean own) {
    hostHas("10.9.0.1", "10.66.0.1");
    SelfTraffic self = traffic(Encapsulation.UDP);
    self.sendingTo(Endpoint.of(IpAddress.parse("10.9.0.2"), 4242));
    assertEquals(own, isOwn(self, from, "10.9.0.2", 17, "ca6c1092"));
    hostHas(from);
    assertTrue(isOwn(self, from, "10.9.0.2", 17, "ca6c1092"), "it is the host's now");
  }

  @Test
  void beforeTheHostsAddressesAreKnownNothingOfOursGoesRound() {
    SelfTraffic self = traffic(Encapsulation.UDP);
    self.sendingTo(Endpoint.of(IpAddress.parse("10.9.0.2"), 4242));
    assertTrue(isOwn(self, "10.66.0.1", "10.9.0.2", 17, "ca6c1092"));
  }

  @Test
  void peersBehindOneAddressAreToldApartByTheirPorts() {
    hostHas("10.9.0.1");
    SelfTraffic self = traffic(Encapsulation.UDP);
    self.sendingTo(Endpoint.of(IpAddress.parse("10.9.0.2"), 4242));
    self.sendingTo(Endpoint.of(IpAddress.parse("10.9.0.2"), 4243));
    assertTrue(isOwn(self, "10.9.0.1", "10.9.0.2", 17, "ca6c1092"));
    assertTrue(isOwn(self, "10.9.0.1", "10.9.0.2", 17, "ca6c1093"));
  }

  @Test
  void aLoopIsReportedOnceAMinuteForEachEndpointHoweverManyPacketsGoRound() {
    List<Endpoint> reported = new ArrayList<>();
    LoopReports loops = new LoopReports(reported::add);
    Endpoint one = Endpoint.of(IpAddress.parse("10.9.0.2"), 4242);
    Endpoint two = Endpoint.of(IpAddress.parse("10.9.0.3"), 4242);
    long start = -5;
    for (int i = 0; i < 10_000; i++) {
      loops.found(one, start + i);
    }
    loops.found(two, start);
    assertEquals(List.of(one, two), reported);
    loops.found(one, start + LoopReports.PAUSE);
    assertEquals(List.of(one, two, one), reported);
  }

  @Test
  void rawEspIsKnownByItsProtocol() {
    SelfTraffic self = traffic(Encapsulation.RAW);
    self.sendingTo(peer("10.9.0.2", "10.9.0.1"));
    assertTrue(isOwn(self, "10.9.0.1", "10.9.0.2", 50, "00000003"));
    assertTrue(isOwn(self, "10.9.0.1", "10.9.0.2", 17, "ca6c1092"), "the keying's messages");
  }

  @ParameterizedTest
  @EnumSource
  void whatComesOutOfTheDeviceIsNobodysEndpoint(Encapsulation encapsulation) {
    SelfTraffic self = traffic(encapsulation);
    IpAddress here = IpAddress.parse("10.9.0.1");
    assertTrue(self.cameFromTunnel(new Endpoint(here, 1, 0, here, DEVICE)));
    assertFalse(self.cameFromTunnel(new Endpoint(here, 1, 0, here, DEVICE + 1)));
    assertFalse(self.cameFromTunnel(Endpoint.of(here, 1)));
  }
}
