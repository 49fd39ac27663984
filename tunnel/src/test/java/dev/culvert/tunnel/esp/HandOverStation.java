// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.esp.noise.SealLog;
import dev.culvert.tunnel.testing.Station;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongFunction;
import java.util.stream.Collectors;

/**
 * An ESP engine of any keying that hands its state over to another engine, which takes its place.
 */
public final class HandOverStation extends Station {
  /** The keying of the next process, from a seed that no other process has. */
  public LongFunction<? extends Keying> keyings;

  public final Map<String, EspPeerSettings> peers = new LinkedHashMap<>();
  private final SealLog sealed;
  private long seed;
  private Keying keying;
  private EspEngine engine;
  private DataPath path;

  public HandOverStation(
      String name, int number, SealLog sealed, LongFunction<? extends Keying> keyings) {
    super(name, number, 4500);
    this.keyings = keyings;
    this.sealed = sealed;
    seed = 1000L * number;
    keying = keyings.apply(seed++);
    engine = newEngine(keying);
    path = engine.newDataPath();
  }

  private EspEngine newEngine(Keying of) {
    return new EspEngine(
        of, Map.of(AeadAlgorithm.AES_GCM, sealed.over(AeadBackends.first(AeadAlgorithm.AES_GCM))));
  }

  @Override
  public EspEngine engine() {
    return engine;
  }

  public Keying keying() {
    return keying;
  }

  @Override
  public DataPath path() {
    return path;
  }

  @Override
  protected int mtu() {
    return 1438;
  }

  /** The settings of {@code other}, as both ends have them. */
  EspPeerSettings settings(Station other) {
    return new EspPeerSettings(
        other.name,
        address.address(),
        other.address.address(),
        other.address,
        new Selectors(List.of(Prefix.host(inner)), List.of(Prefix.host(other.inner))));
  }

  @Override
  public void knows(Station other) {
    peers.put(other.name, settings(other));
    engine.peers(peers.values(), 0);
  }

  @Override
  public TunnelPeer peer(Station other) {
    TunnelPeer peer = engine.route4((int) other.inner.low());
    assertNotNull(peer, name + " has no route to " + other.name);
    return peer;
  }

  /** The state now, as a copy. */
  public byte[] save(long now) {
    try (StateWriter out = new StateWriter()) {
      engine.save(out, now);
      return out.written().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  public static StateReader reader(byte[] state) {
    return new StateReader(MemorySegment.ofArray(state));
  }

  /** Another process with the present configuration takes the place of this one, with a state. */
  public void continueWith(byte[] state, long now, long jump) throws StateException {
    Keying next = keyings.apply(seed++);
    EspEngine successor = newEngine(next);
    successor.peers(peers.values(), now);
    successor.restore(reader(state), now, jump);
    keying = next;
    engine = successor;
    path = engine.newDataPath();
  }

  /** Another process takes the place of this one, though it may not be able to read the state. */
  void restartAndTry(byte[] state, long now) throws StateException {
    keying = keyings.apply(seed++);
    engine = newEngine(keying);
    path = engine.newDataPath();
    engine.peers(peers.values(), now);
    engine.restore(reader(state), now);
  }

  /** Hands over to another process, and ends. */
  public void handOver(long now) {
    EspEngine before = engine;
    try {
      continueWith(save(now), now, SafetyJump.PACKETS);
    } catch (StateException e) {
      throw new AssertionError(e);
    }
    before.close();
  }

  /** Goes on with an engine that gave its state away. */
  void goOnWith(EspEngine former, Keying itsKeying) {
    engine = former;
    keying = itsKeying;
    path = former.newDataPath();
    engine.jumpAhead();
  }

  /** The keys of all SAs, to send or to receive under. */
  public Set<SaKeyId> keys(boolean outbound, long now) {
    return engine.securityAssociations(now).stream()
        .filter(sa -> sa.outbound() == outbound)
        .map(SaStatus::key)
        .collect(Collectors.toSet());
  }
}
