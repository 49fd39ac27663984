// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.scale;

import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.PublicKey;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.Selector;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** All peers of a gateway, in one thread. */
final class SimulatedPeers implements AutoCloseable {
  /** The most time between two looks at the condition of {@link #run}. */
  private static final long LOOK_MILLIS = 10;

  private final List<SimulatedPeer> peers = new ArrayList<>();
  private final SimulatedPeer.Handshakes handshakes = new SimulatedPeer.Handshakes();
  private final Queue<Turn> turns = new PriorityQueue<>(Comparator.comparingLong(Turn::at));
  private final Selector selector;
  private final Arena arena = Arena.ofConfined();
  private final Datagram datagram = new Datagram(arena);
  private final ByteBuffer room = ByteBuffer.allocateDirect(Datagram.CAPACITY);
  private int established;

  /** The time at which a peer had work when it was last asked. */
  private record Turn(SimulatedPeer peer, long at) {}

  private record Held(SimulatedPeer from, ByteBuffer datagram) {}

  SimulatedPeers(List<PeerIdentity> identities, Endpoint gateway, PublicKey gatewayKey)
      throws IOException {
    selector = Selector.open();
    SecureRandom random = new SecureRandom();
    for (PeerIdentity identity : identities) {
      SimulatedPeer peer = new SimulatedPeer(identity, gateway, gatewayKey, random, handshakes);
      peer.register(selector);
      peers.add(peer);
    }
  }

  /**
   * Makes all peers ask for a session at the same moment, and keep it alive.
   *
   * @param keepalive seconds between keepalives
   * @return the moment, by {@link System#nanoTime}: all initiations were made before
   */
  long initiateAtOnce(int keepalive) throws IOException {
    List<Held> held = new ArrayList<>();
    for (SimulatedPeer peer : peers) {
      peer.keepAlive(keepalive);
      peer.advance(datagram, (from, bytes) -> held.add(new Held(from, copy(bytes))));
      plan(peer);
    }
    long began = System.nanoTime();
    for (Held one : held) {
      one.from.send(one.datagram);
    }
    return began;
  }

  private static ByteBuffer copy(ByteBuffer bytes) {
    return ByteBuffer.allocateDirect(bytes.remaining()).put(bytes).flip();
  }

  /** Lets all peers live until {@code done}, or for so many seconds; true if it is done. */
  boolean run(BooleanSupplier done, double seconds) throws IOException {
    long end = System.nanoTime() + (long) (seconds * TimeUnit.SECONDS.toNanos(1));
    while (!done.getAsBoolean()) {
      if (System.nanoTime() >= end) {
        return false;
      }
      selector.select(key -> receive((SimulatedPeer) key.attachment()), patience(end));
      for (Turn next = turns.peek();
          next != null && next.at <= System.nanoTime();
          next = turns.peek()) {
        turns.remove();
        if (next.peer.takeTurn(next.at)) {
          advance(next.peer);
        }
      }
    }
    return true;
  }

  private long patience(long end) {
    Turn next = turns.peek();
    long until = Math.min(next == null ? Long.MAX_VALUE : next.at, end) - System.nanoTime();
    return Math.clamp(TimeUnit.NANOSECONDS.toMillis(until), 1, LOOK_MILLIS);
  }

  private void receive(SimulatedPeer peer) {
    try {
      peer.receive(room);
      advance(peer);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void advance(SimulatedPeer peer) throws IOException {
    boolean had = peer.hasSession();
    peer.advance(datagram, SimulatedPeer::send);
    if (!had && peer.hasSession()) {
      established++;
    }
    plan(peer);
  }

  private void plan(SimulatedPeer peer) {
    if (peer.plan()) {
      turns.add(new Turn(peer, peer.planned()));
    }
  }

  int size() {
    return peers.size();
  }

  /** Peers that have, or had, a session. */
  int established() {
    return established;
  }

  SimulatedPeer.Handshakes handshakes() {
    return handshakes;
  }

  /**
   * Seconds from a moment until each peer's first session, ascending; only of those that have one.
   */
  List<Double> waits(long since) {
    return peers.stream()
        .filter(SimulatedPeer::hasSession)
        .map(peer -> (peer.firstSession() - since) / 1e9)
        .sorted()
        .toList();
  }

  /** The most initiations that one peer sent. */
  int mostInitiations() {
    return peers.stream().mapToInt(SimulatedPeer::initiations).max().orElse(0);
  }

  @Override
  public void close() throws IOException {
    for (SimulatedPeer peer : peers) {
      peer.close();
    }
    selector.close();
    arena.close();
  }
}
