// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.Greetings;
import dev.culvert.tunnel.engine.Isolation;
import dev.culvert.tunnel.engine.PeerState;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.MessageFilter;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.TrafficListener;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Keys derived from a global key that all nodes share, made new by an exchange of epochs with each
 * peer. Sans-I/O; belongs to the control thread, but for the methods that {@link Keying} excepts.
 */
public final class GlobalKeying implements Keying {
  private final GlobalState state;
  private final Map<String, PairExchange> byName = new LinkedHashMap<>();

  /**
   * The pairs by the peers' source addresses: written by the control thread, whole maps at a time.
   */
  private volatile Map<IpAddress, PairExchange> byAddress = Map.of();

  private volatile long nextDeadline = ExchangeLimits.NEVER;
  private final Isolation isolation;
  private final Greetings<PairExchange> greetings;

  /**
   * @param file the first keys; the caller closes it
   * @param esn whether all SAs have 64-bit sequence numbers, which must be the same at all nodes
   * @param randomness unpredictable, since the keys' freshness depends on it
   */
  public GlobalKeying(KeyFile file, boolean esn, RandomGenerator randomness) {
    state = new GlobalState(new KeyRing(file), esn, randomness);
    greetings = new Greetings<>(randomness);
    isolation = new Isolation(state.counters, state.notices::add);
  }

  /**
   * Takes a new key file into use: see {@code docs/esp-keys.md} for the steps.
   *
   * @param file the new keys; the caller closes it
   * @throws RotationRefusedException if it does not follow from the keys in use, which stay
   */
  public void rotate(KeyFile file, long nowNanos) throws RotationRefusedException {
    boolean published = state.ring.rotate(file);
    byName.values().forEach(exchange -> exchange.keys().follow(state.ring));
    if (published) {
      byName.values().forEach(exchange -> exchange.rotation.published(nowNanos));
    }
    retireKeys();
    changed();
  }

  /** The key that is published now, 1 to 15. */
  public int publishedKey() {
    return state.ring.published();
  }

  /** All keys that this node has: bit n for id n. */
  public int heldKeys() {
    return state.ring.heldIds();
  }

  @Override
  public PeerState state(String peer, boolean sending, long nowNanos) {
    PairExchange exchange = byName.get(peer);
    return exchange == null ? PeerState.NEVER : exchange.state();
  }

  /** The state of the rotation with each peer. */
  public List<PairStatus> pairs() {
    return byName.values().stream().map(PairExchange::status).toList();
  }

  public long drops(ExchangeDrop reason) {
    return state.drops(reason);
  }

  @Override
  public DropCounters drops() {
    return state.counters;
  }

  @Override
  public @Nullable TunnelEvent pollNotice() {
    return state.notices.poll();
  }

  @Override
  public void peers(Collection<EspPeerSettings> peers) {
    Map<String, EspPeerSettings> wanted = new LinkedHashMap<>();
    for (EspPeerSettings peer : peers) {
      if (peer.localNode().equals(peer.remoteNode())) {
        throw new IllegalArgumentException(
            peer.name() + " has this node's own address " + peer.localNode());
      }
      wanted.put(peer.name(), peer);
    }
    byName
        .entrySet()
        .removeIf(
            entry -> {
              boolean gone = !wanted.containsKey(entry.getKey());
              if (gone) {
                entry.getValue().close();
              }
              return gone;
            });
    Map<IpAddress, PairExchange> addresses = new HashMap<>();
    for (EspPeerSettings peer : wanted.values()) {
      PairExchange exchange = byName.get(peer.name());
      if (exchange == null) {
        exchange = newExchange(peer);
      } else if (peer.continues(exchange.pair())) {
        exchange.settings(peer);
      } else if (peer.sharesKeysWith(exchange.pair())) {
        exchange.moveTo(peer);
      } else {
        exchange.end();
        exchange = newExchange(peer);
      }
      byName.put(peer.name(), exchange);
      addresses.put(peer.endpoint().address(), exchange);
    }
    wanted.forEach(
        (name, peer) ->
            peer.otherAddresses()
                .forEach(address -> addresses.putIfAbsent(address, byName.get(name))));
    byAddress = addresses;
    retireKeys();
    changed();
  }

  private PairExchange newExchange(EspPeerSettings peer) {
    PairExchange exchange = new PairExchange(peer, state);
    greetings.add(exchange);
    return exchange;
  }

  @Override
  public MessageFilter newFilter() {
    return new EpochFilter(() -> byAddress);
  }

  @Override
  public TrafficListener traffic(String peer) {
    PairExchange exchange = byName.get(peer);
    return exchange == null ? TrafficListener.NONE : exchange.liveness;
  }

  @Override
  public void receive(
      byte[] bytes, Endpoint from, boolean underLoad, long nowNanos, long wallNanos) {
    ExchangeMessage message = ExchangeMessage.parse(bytes);
    PairExchange exchange = byAddress.get(from.address());
    if (message == null && !RangesMessage.isOne(bytes, bytes.length)) {
      state.drop(ExchangeDrop.MALFORMED);
    } else if (exchange == null) {
      state.drop(ExchangeDrop.UNKNOWN_PEER);
    } else if (message == null) {
      exchange.receiveRanges(bytes, nowNanos);
    } else if (exchange.receive(message, bytes, from, nowNanos)) {
      retireKeys();
      changed();
    }
  }

  @Override
  public void advance(long nowNanos, long wallNanos) {
    if (nextDeadlineNanos() <= nowNanos) {
      greetings.advance(
          nowNanos, byName.size(), Integer.MAX_VALUE, exchange -> greet(exchange, nowNanos));
      byName.forEach((name, exchange) -> isolation.run(name, () -> exchange.advance(nowNanos)));
      state.deadlines.look(nowNanos, byName.size());
      byName.values().forEach(exchange -> exchange.liveness.includeAll());
      retireKeys();
      changed();
    }
  }

  private void greet(PairExchange exchange, long nowNanos) {
    if (byName.get(exchange.pair().name()) == exchange) {
      exchange.wanted(nowNanos);
    }
  }

  @Override
  public void startAfresh(long nowNanos, long wallNanos) {
    if (state.randomness instanceof SecureRandom random) {
      // A twin of this machine would draw the same epochs.
      random.setSeed(wallNanos);
    }
    byName.values().forEach(exchange -> exchange.startAfresh(nowNanos));
    changed();
  }

  private void retireKeys() {
    int gone =
        state.ring.retire(
            id -> byName.values().stream().anyMatch(exchange -> exchange.rotation.needs(id)));
    for (int id = 1; gone >>> id != 0; id++) {
      if ((gone >>> id & 1) != 0) {
        int retired = id;
        byName.values().forEach(exchange -> exchange.keys().forget(retired));
        state.notices.add(new KeyingNotice.KeyRetired(id));
      }
    }
  }

  @Override
  public void wanted(String peer, long nowNanos) {
    PairExchange exchange = byName.get(peer);
    if (exchange != null) {
      exchange.wanted(nowNanos);
      changed();
    }
  }

  @Override
  public void runningLow(String peer, SaKeyId key, long nextSequence, long nowNanos) {
    PairExchange exchange = byName.get(peer);
    if (exchange != null) {
      exchange.runningLow(key, nowNanos);
      changed();
    }
  }

  @Override
  public @Nullable KeyingEvent pollEvent() {
    return state.events.poll();
  }

  @Override
  public @Nullable Message pollMessage() {
    return state.messages.poll();
  }

  @Override
  public long nextDeadlineNanos() {
    return Math.min(Math.min(nextDeadline, state.deadlines.nextLook()), greetings.nextNanos());
  }

  @Override
  public String kind() {
    return "global";
  }

  @Override
  public void save(StateWriter out, long nowNanos) {
    SavedKeying.save(state, byName, out, nowNanos);
  }

  @Override
  public KeyingState read(StateReader in, KeyingState.Context context) throws StateException {
    SavedKeying saved = SavedKeying.read(state, byName, in, context);
    return new KeyingState() {
      @Override
      public Set<SaKeyId> continuing() {
        return saved.continuing();
      }

      @Override
      public void takeOver() {
        saved.completeRing();
        byName.values().forEach(exchange -> exchange.keys().follow(state.ring));
        saved.takeOver();
        retireKeys();
        changed();
      }
    };
  }

  @Override
  public void goOn() {
    byName.values().forEach(PairExchange::goOn);
    changed();
  }

  private void changed() {
    long next = ExchangeLimits.NEVER;
    for (PairExchange exchange : byName.values()) {
      next = Math.min(next, exchange.nextDeadlineNanos());
    }
    nextDeadline = next;
  }

  @Override
  public void close() {
    byName.values().forEach(PairExchange::close);
    byName.clear();
    byAddress = Map.of();
    state.close();
    changed();
  }
}
