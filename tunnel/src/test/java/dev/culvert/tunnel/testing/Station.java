// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.testing;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** One engine of any protocol with its place on the network and the packets it delivered. */
public abstract class Station implements Node {
  /** In every inner packet; the eavesdropper never sees it. */
  public static final byte[] MARKER = "never in clear on the wire".getBytes(US_ASCII);

  private static final int V4_HEADER = 20;
  private static final int V6_HEADER = 40;

  public final String name;
  public final IpAddress inner;
  public final List<TunnelEvent> events = new ArrayList<>();
  public final List<byte[]> delivered = new ArrayList<>();
  public final List<byte[]> outbox = new ArrayList<>();
  public final Datagram datagram = new Datagram(Arena.ofAuto());
  public final MemorySegment buffer = Arena.ofAuto().allocate(1 << 17);
  public final Train train = new Train();
  public final Train run = new Train();
  public Endpoint address;
  public long clockSkew;

  protected Station(String name, int number, int port) {
    this(
        name,
        IpAddress.parse("10.0.0." + number),
        Endpoint.of(IpAddress.parse("192.0.2." + number), port));
  }

  protected Station(String name, IpAddress inner, Endpoint address) {
    this.name = name;
    this.inner = inner;
    this.address = address;
  }

  @Override
  public Endpoint address() {
    return address;
  }

  @Override
  public long clockSkew() {
    return clockSkew;
  }

  @Override
  public long nextDeadlineNanos() {
    return engine().nextDeadlineNanos();
  }

  @Override
  public void advance(SimulatedNetwork network) {
    engine().advance(network.now, network.wall(this));
    while (engine().pollTransmit(datagram, network.now)) {
      byte[] bytes = datagram.memory().asSlice(0, datagram.length()).toArray(ValueLayout.JAVA_BYTE);
      network.transmit(address, datagram.destination(), bytes);
    }
    for (TunnelEvent event = engine().pollEvent(); event != null; event = engine().pollEvent()) {
      events.add(event);
    }
  }

  @Override
  public void arrive(SimulatedNetwork network, Endpoint from, byte[] bytes) {
    receive(from, network.now, bytes);
  }

  public abstract TunnelEngine engine();

  /** The way through the engine that {@link #sealPackets} and {@link #receive} take. */
  public abstract DataPath path();

  protected abstract int mtu();

  /** Makes {@code other} a peer that owns its inner address. */
  public abstract void knows(Station other);

  public abstract TunnelPeer peer(Station other);

  /** A packet of the addresses' family with the marker and {@code number} in it. */
  public static byte[] packet(IpAddress source, IpAddress destination, int number) {
    if (!source.v4()) {
      return packet6(source, destination, number);
    }
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

  private static byte[] packet6(IpAddress source, IpAddress destination, int number) {
    int payload = MARKER.length + 4;
    return ByteBuffer.allocate(V6_HEADER + payload)
        .put(0, (byte) 0x60)
        .putShort(4, (short) payload)
        .put(8, source.toBytes())
        .put(24, destination.toBytes())
        .put(V6_HEADER, MARKER)
        .putInt(V6_HEADER + payload - 4, number)
        .array();
  }

  /** The numbers of all packets delivered, in order. */
  public List<Integer> deliveredNumbers() {
    return delivered.stream().map(p -> ByteBuffer.wrap(p).getInt(p.length - 4)).toList();
  }

  /** Lays out one train of packets and seals it; sealed datagrams go to {@link #outbox}. */
  public SealResult seal(Station to, long now, int... numbers) {
    byte[][] packets = new byte[numbers.length][];
    for (int i = 0; i < numbers.length; i++) {
      packets[i] = packet(inner, to.inner, numbers[i]);
    }
    return sealPackets(peer(to), now, packets);
  }

  public SealResult sealPackets(TunnelPeer peer, long now, byte[]... packets) {
    train.startAt(buffer, 0, engine().overhead().headroom());
    for (byte[] packet : packets) {
      int sealedLength = engine().overhead().sealedLength(packet.length, mtu());
      long at = train.add(packet.length, sealedLength);
      MemorySegment.copy(packet, 0, buffer, ValueLayout.JAVA_BYTE, at, packet.length);
    }
    SealResult verdict = path().seal(peer, train, now);
    if (verdict == SealResult.SEALED) {
      for (int i = 0; i < train.packets(); i++) {
        outbox.add(
            buffer.asSlice(train.slot(i), train.sealedLength(i)).toArray(ValueLayout.JAVA_BYTE));
      }
    }
    return verdict;
  }

  /** Receives equal datagrams (but for the last) as the kernel hands over a GRO run. */
  public void receive(Endpoint from, long now, byte[]... datagrams) {
    int stride = datagrams[0].length;
    for (int i = 0; i < datagrams.length; i++) {
      MemorySegment.copy(
          datagrams[i], 0, buffer, ValueLayout.JAVA_BYTE, (long) i * stride, datagrams[i].length);
    }
    train.received(buffer, 0, stride, datagrams.length, datagrams[datagrams.length - 1].length);
    for (int first = 0; first < datagrams.length; ) {
      int count = path().runLength(train, first);
      run.slice(train, first, count);
      int toDeliver = path().open(run, from, now);
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
  public Map<DropReason, Long> drops() {
    Map<DropReason, Long> sum = new EnumMap<>(DropReason.class);
    engine().drops().addTo(sum);
    path().drops().addTo(sum);
    return sum;
  }

  public long drops(DropReason reason) {
    return drops().getOrDefault(reason, 0L);
  }

  public <T extends TunnelEvent> List<T> events(Class<T> type) {
    return events.stream().filter(type::isInstance).map(type::cast).toList();
  }

  @Override
  public String toString() {
    return name;
  }
}
