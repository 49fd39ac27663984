// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.SaKeyId;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The state of a {@link GlobalKeying} that another process wrote. Changes nothing when it is read.
 */
final class SavedKeying {
  private final KeyingState.Context context;
  private final GlobalState state;
  private final List<GlobalKey> keys;
  private final boolean publishedAnother;
  private final Map<PairExchange, SavedExchange> exchanges;
  private final Map<String, Long> drops;

  private SavedKeying(
      KeyingState.Context context,
      GlobalState state,
      List<GlobalKey> keys,
      boolean publishedAnother,
      Map<PairExchange, SavedExchange> exchanges,
      Map<String, Long> drops) {
    this.context = context;
    this.state = state;
    this.keys = keys;
    this.publishedAnother = publishedAnother;
    this.exchanges = exchanges;
    this.drops = drops;
  }

  static void save(
      GlobalState state, Map<String, PairExchange> byName, StateWriter out, long nowNanos) {
    out.flag(state.esn);
    state.saveDrops(out);
    state.ring.save(out);
    out.list(
        byName.entrySet(),
        entry -> out.text(entry.getKey()).section(() -> entry.getValue().save(out, nowNanos)));
  }

  /**
   * Reads a saved keying. Without any exchange if this end's keys do not follow from those of the
   * other process, or if the choice of ESN is another.
   */
  static SavedKeying read(
      GlobalState state,
      Map<String, PairExchange> byName,
      StateReader in,
      KeyingState.Context context)
      throws StateException {
    boolean esn = in.flag();
    Map<String, Long> drops = GlobalState.readDrops(in);
    int published = in.int32();
    List<GlobalKey> keys = in.list(() -> GlobalKey.read(in, context.secrets()));
    boolean follows = esn == state.esn && state.ring.follows(keys, published);
    Map<PairExchange, SavedExchange> exchanges = new HashMap<>();
    in.list(
        () -> {
          PairExchange exchange = byName.get(in.text());
          StateReader part = in.section();
          if (follows && exchange != null && context.peers().containsKey(exchange.pair().name())) {
            exchanges.put(exchange, SavedExchange.read(exchange.pair(), state, part, context));
          }
          return part;
        });
    in.end();
    return new SavedKeying(
        context,
        state,
        follows ? keys : List.of(),
        published != state.ring.published(),
        exchanges,
        drops);
  }

  /** The keys of all SAs that continue. */
  Set<SaKeyId> continuing() {
    Set<SaKeyId> all = new HashSet<>();
    exchanges.values().forEach(exchange -> exchange.sessions().keys(all));
    return all;
  }

  /** Gives the ring the keys that only peers still need. */
  void completeRing() {
    for (GlobalKey key : keys) {
      if (state.ring.keep(key)) {
        context.secrets().claim(key.material());
      }
    }
  }

  void takeOver() {
    state.add(drops);
    long now = context.savedAtNanos();
    exchanges.forEach((exchange, saved) -> exchange.takeOver(saved, context.secrets(), now));
    if (publishedAnother) {
      exchanges.keySet().forEach(exchange -> exchange.rotation.published(now));
    }
  }

  @Override
  public String toString() {
    return "SavedKeying[" + exchanges.size() + " exchanges]";
  }
}
