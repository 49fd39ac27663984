// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.scale;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.train.Train;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import dev.culvert.tunnel.wireguard.WireGuardEngine;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.security.SecureRandom;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;

/** The other end of one tunnel: Culvert's own engine, with a socket. Belongs to one thread. */
final class SimulatedPeer implements AutoCloseable {
  private static final List<PeerUpdate.AllowedIpChange> EVERYTHING =
      List.of(
          new PeerUpdate.AllowedIpChange(Prefix.parse("0.0.0.0/0"), false),
          new PeerUpdate.AllowedIpChange(Prefix.parse("::/0"), false));

  private final PeerIdentity identity;
  private final Endpoint gateway;
  private final PublicKey gatewayKey;
  private final WireGuardEngine engine;
  private final DataPath path;
  private final DatagramChannel channel;
  private final Train received = new Train();
  private final Handshakes handshakes;

  /** The moment at which the first session was there; 0 before that. */
  private long firstSession;

  private int initiations;

  /** The time of the next turn; never later than the engine's deadline. */
  private long planned = Long.MAX_VALUE;

  /** Counts for all peers. */
  static final class Handshakes {
    private long sessions;
    private long cookies;
    private long initiations;

    /** Sessions that came up. */
    long sessions() {
      return sessions;
    }

    /** Cookie replies that the gateway sent. */
    long cookies() {
      return cookies;
    }

    /** Initiations that peers sent. */
    long initiations() {
      return initiations;
    }
  }

  SimulatedPeer(
      PeerIdentity identity,
      Endpoint gateway,
      PublicKey gatewayKey,
      SecureRandom random,
      Handshakes handshakes)
      throws IOException {
    this.identity = identity;
    this.gateway = gateway;
    this.gatewayKey = gatewayKey;
    this.handshakes = handshakes;
    engine = new WireGuardEngine(AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305), random);
    path = engine.newDataPath();
    channel = DatagramChannel.open();
    channel.bind(socketAddress(identity.endpoint()));
    channel.connect(socketAddress(gateway));
    channel.configureBlocking(false);
    apply(0);
  }

  private static InetSocketAddress socketAddress(Endpoint endpoint) {
    return new InetSocketAddress(endpoint.address().toString(), endpoint.port());
  }

  private void apply(int keepalive) {
    PeerUpdate peer =
        new PeerUpdate(
            gatewayKey, false, false, null, gateway, OptionalInt.of(keepalive), true, EVERYTHING);
    try (SecretBytes key = SecretBytes.copyOf(identity.privateKey())) {
      engine.apply(
          new DeviceUpdate(key, OptionalInt.empty(), OptionalInt.empty(), true, List.of(peer)));
    }
  }

  void register(Selector selector) throws IOException {
    channel.register(selector, SelectionKey.OP_READ, this);
  }

  /** Asks for a session and for a keepalive every so many seconds; {@link #advance} sends. */
  void keepAlive(int seconds) {
    apply(seconds);
  }

  /** Takes all datagrams that have come. */
  void receive(ByteBuffer room) throws IOException {
    while (channel.read(room.clear()) > 0) {
      int length = room.position();
      if (room.order(ByteOrder.LITTLE_ENDIAN).getInt(Messages.TYPE) == Messages.COOKIE_REPLY) {
        handshakes.cookies++;
      }
      MemorySegment memory = MemorySegment.ofBuffer(room.clear());
      path.open(received.received(memory, 0, length, 1, length), gateway, System.nanoTime());
    }
  }

  /** Does the engine's work that is due, and hands out its datagrams. */
  void advance(Datagram datagram, Outlet outlet) throws IOException {
    do {
      long now = System.nanoTime();
      engine.advance(now, TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis()));
      hearEvents(now);
      while (engine.pollTransmit(datagram, now)) {
        if (datagram.memory().get(ValueLayout.JAVA_INT, Messages.TYPE) == Messages.INITIATION) {
          handshakes.initiations++;
          initiations++;
        }
        outlet.send(this, datagram.memory().asSlice(0, datagram.length()).asByteBuffer());
      }
      hearEvents(now);
    } while (engine.nextDeadlineNanos() == Long.MIN_VALUE);
  }

  /** Sends a datagram, now or later. */
  interface Outlet {
    void send(SimulatedPeer from, ByteBuffer datagram) throws IOException;
  }

  /** Sends; a datagram for which the kernel has no room is lost, as on a network. */
  void send(ByteBuffer datagram) throws IOException {
    channel.write(datagram);
  }

  private void hearEvents(long now) {
    for (TunnelEvent event = engine.pollEvent(); event != null; event = engine.pollEvent()) {
      if (event instanceof TunnelEvent.SessionEstablished) {
        handshakes.sessions++;
        if (firstSession == 0) {
          firstSession = now;
        }
      } else if (event instanceof TunnelEvent.WorkFailed failed) {
        throw new IllegalStateException(identity.name(), failed.cause());
      }
    }
  }

  /** Whether a turn is needed that is earlier than the planned one; then that is planned. */
  boolean plan() {
    long deadline = engine.nextDeadlineNanos();
    boolean earlier = deadline < planned;
    planned = Math.min(planned, deadline);
    return earlier;
  }

  /** The time of the next turn: monotonic nanoseconds. */
  long planned() {
    return planned;
  }

  /** Whether a turn is still the planned one, which begins now. */
  boolean takeTurn(long at) {
    boolean valid = at == planned;
    if (valid) {
      planned = Long.MAX_VALUE;
    }
    return valid;
  }

  boolean hasSession() {
    return firstSession != 0;
  }

  /** The moment at which the first session was there; there has to be one. */
  long firstSession() {
    return firstSession;
  }

  /** Initiations that this peer sent. */
  int initiations() {
    return initiations;
  }

  @Override
  public void close() throws IOException {
    channel.close();
    engine.close();
  }
}
