package dev.culvert.tunnel.wireguard;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.engine.Verdict;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** One engine with its keys, its place on the network and what it delivered. */
final class Node {
  /** In every inner packet; the eavesdropper never sees it. */
  static final byte[] MARKER = "never in clear on the wire".getBytes(US_ASCII);

  private static final int V4_HEADER = 20;

  final String name;
  final SecretBytes privateKey;
  final PublicKey publicKey;
  final IpAddress inner;
  final WireGuardEngine engine;
  final List<TunnelEvent> events = new ArrayList<>();
  final List<byte[]> delivered = new ArrayList<>();
  final List<byte[]> outbox = new ArrayList<>();
  final DataPath path;
  final Datagram datagram = new Datagram(Arena.ofAuto());
  final MemorySegment buffer = Arena.ofAuto().allocate(1 << 17);
  final Train train = new Train();
  final Train run = new Train();
  Endpoint address;
  long clockSkew;

  Node(String name, int number) {
    this(name, number, Limits.OF_THE_PAPER);
  }

  Node(String name, int number, Limits limits) {
    this(name, number, limits, backend());
  }

  Node(String name, int number, Limits limits, AeadBackend backend) {
    this.name = name;
    SecureRandom random = seeded(number);
    byte[] key = X25519.generatePrivateKey(random);
    publicKey = PublicKey.of(X25519.publicKey(key));
    privateKey = SecretBytes.owning(key);
    inner = IpAddress.parse("10.0.0." + number);
    address = Endpoint.of(IpAddress.parse("192.0.2." + number), 51_820);
    engine = new WireGuardEngine(backend, random, null, limits);
    path = engine.newDataPath();
    engine.apply(
        new DeviceUpdate(privateKey, OptionalInt.empty(), OptionalInt.empty(), false, List.of()));
  }

  static AeadBackend backend() {
    return AeadBackends.all().getFirst();
  }

  static SecureRandom seeded(long seed) {
    try {
      SecureRandom random = SecureRandom.getInstance("SHA1PRNG");
      random.setSeed(seed);
      return random;
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  /** Makes {@code other} a peer that owns its inner address. */
  void knows(Node other) {
    peer(other, other.address, null, OptionalInt.empty(), Prefix.host(other.inner).toString());
  }

  void peer(
      Node other,
      @Nullable Endpoint endpoint,
      @Nullable SecretBytes presharedKey,
      OptionalInt keepalive,
      String... allowedIps) {
    List<PeerUpdate.AllowedIpChange> ranges = new ArrayList<>();
    for (String range : allowedIps) {
      ranges.add(new PeerUpdate.AllowedIpChange(Prefix.parse(range), false));
    }
    apply(
        new PeerUpdate(
            other.publicKey, false, false, presharedKey, endpoint, keepalive, false, ranges));
  }

  void remove(Node other) {
    apply(
        new PeerUpdate(
            other.publicKey, true, false, null, null, OptionalInt.empty(), false, List.of()));
  }

  void apply(PeerUpdate... peers) {
    engine.apply(
        new DeviceUpdate(null, OptionalInt.empty(), OptionalInt.empty(), false, List.of(peers)));
  }

  WireGuardPeer peer(Node other) {
    TunnelPeer peer = engine.route4((int) other.inner.low());
    assertNotNull(peer, name + " has no route to " + other.name);
    return (WireGuardPeer) peer;
  }

  /** The session that is sent under. */
  Session session(Node other) {
    Session session = peer(other).sessions().current();
    assertNotNull(session, name + " has no session with " + other.name);
    return session;
  }

  /** An IPv4 packet with the marker and {@code number} in it. */
  static byte[] packet(IpAddress source, IpAddress destination, int number) {
    int length = V4_HEADER + MARKER.length + 4;
    return ByteBuffer.allocate(length)
        .put(0, (byte) 0x45)
        .putShort(2, (short) length)
        .putInt(12, (int) source.low())
        .putInt(16, (int) destination.low())
        .put(V4_HEADER, MARKER)
        .putInt(length - 4, number)
        .array();
  }

  /** The numbers of all packets delivered, in order. */
  List<Integer> deliveredNumbers() {
    return delivered.stream().map(p -> ByteBuffer.wrap(p).getInt(p.length - 4)).toList();
  }

  /** Lays out one train of packets and seals it; sealed datagrams go to {@link #outbox}. */
  Verdict seal(Node to, long now, int... numbers) {
    return sealPackets(peer(to), now, packets(to, numbers));
  }

  private byte[][] packets(Node to, int... numbers) {
    byte[][] packets = new byte[numbers.length][];
    for (int i = 0; i < numbers.length; i++) {
      packets[i] = packet(inner, to.inner, numbers[i]);
    }
    return packets;
  }

  Verdict sealPackets(TunnelPeer peer, long now, byte[]... packets) {
    train.startAt(buffer, 0, engine.overhead().headroom());
    for (byte[] packet : packets) {
      int sealedLength = engine.overhead().sealedLength(packet.length, engine.mtu());
      long at = train.add(packet.length, sealedLength);
      MemorySegment.copy(packet, 0, buffer, ValueLayout.JAVA_BYTE, at, packet.length);
    }
    Verdict verdict = path.seal(peer, train, now);
    if (verdict == Verdict.SEALED) {
      for (int i = 0; i < train.packets(); i++) {
        outbox.add(
            buffer.asSlice(train.slot(i), train.sealedLength(i)).toArray(ValueLayout.JAVA_BYTE));
      }
    }
    return verdict;
  }

  /** Receives equal datagrams (but for the last) as the kernel hands over a GRO run. */
  void receive(Endpoint from, long now, byte[]... datagrams) {
    int stride = datagrams[0].length;
    for (int i = 0; i < datagrams.length; i++) {
      MemorySegment.copy(
          datagrams[i], 0, buffer, ValueLayout.JAVA_BYTE, (long) i * stride, datagrams[i].length);
    }
    train.received(buffer, 0, stride, datagrams.length, datagrams[datagrams.length - 1].length);
    for (int first = 0; first < datagrams.length; ) {
      int count = path.runLength(train, first);
      run.slice(train, first, count);
      int toDeliver = path.open(run, from, now);
      int seen = 0;
      for (int i = 0; i < count; i++) {
        if (run.length(i) > 0) {
          delivered.add(buffer.asSlice(run.inner(i), run.length(i)).toArray(ValueLayout.JAVA_BYTE));
          seen++;
        }
      }
      assertEquals(toDeliver, seen);
      first += count;
    }
  }

  /** All drops of the engine and its lane. */
  Map<DropReason, Long> drops() {
    Map<DropReason, Long> sum = new EnumMap<>(DropReason.class);
    engine.drops().addTo(sum);
    path.drops().addTo(sum);
    return sum;
  }

  long drops(DropReason reason) {
    return drops().getOrDefault(reason, 0L);
  }

  <T extends TunnelEvent> List<T> events(Class<T> type) {
    return events.stream().filter(type::isInstance).map(type::cast).toList();
  }

  @Override
  public String toString() {
    return name;
  }
}
