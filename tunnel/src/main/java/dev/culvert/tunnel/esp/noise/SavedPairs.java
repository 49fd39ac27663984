// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.noise.Handshakes;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.noise.SavedHandshakes;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Writes the handshakes and sessions of a {@link NoiseKeying}, and reads those of another process.
 */
final class SavedPairs {
  private final PublicKey self;
  private final NoiseState state;
  private final Handshakes handshakes;
  private final SavedHandshakes saved;

  /**
   * @param self this node's public key
   */
  SavedPairs(PublicKey self, NoiseState state, Handshakes handshakes) {
    this.self = self;
    this.state = state;
    this.handshakes = handshakes;
    saved = new SavedHandshakes(handshakes);
  }

  void save(Collection<NoisePair> pairs, StateWriter out, long nowNanos) {
    out.bytes(self.toByteArray());
    state.indices.save(out);
    out.list(
        pairs,
        pair ->
            out.text(pair.toString())
                .bytes(pair.handshake().publicKey().toByteArray())
                .section(() -> pair.save(saved, out, nowNanos)));
    out.section(() -> saved.save(out, nowNanos));
  }

  /**
   * Reads saved pairs: none if this node had another key.
   *
   * @param known returns the pair of a name, or null
   * @param takeOver called with each pair of before and the one that continues it
   */
  KeyingState read(
      StateReader in,
      KeyingState.Context context,
      Function<String, @Nullable NoisePair> known,
      BiConsumer<NoisePair, NoisePair> takeOver)
      throws StateException {
    if (!self.equals(PublicKey.of(in.bytes(Messages.KEY_LENGTH)))) {
      return KeyingState.NOTHING;
    }
    state.indices.restore(in);
    Map<NoisePair, NoisePair> pairs = new LinkedHashMap<>();
    boolean whole = false;
    try {
      in.list(() -> read(in, context, known, pairs));
      StateReader rest = in.section();
      in.end();
      saved.restore(rest, context.savedAtNanos());
      whole = true;
    } finally {
      if (!whole) {
        pairs.values().forEach(this::forget);
      }
    }
    return new Read(pairs, context, takeOver);
  }

  private PublicKey read(
      StateReader in,
      KeyingState.Context context,
      Function<String, @Nullable NoisePair> known,
      Map<NoisePair, NoisePair> pairs)
      throws StateException {
    String name = in.text();
    PublicKey key = PublicKey.of(in.bytes(Messages.KEY_LENGTH));
    StateReader part = in.section();
    NoisePair before = known.apply(name);
    if (before != null
        && context.peers().containsKey(name)
        && before.handshake().publicKey().equals(key)) {
      NoisePair pair = new NoisePair(key, before.settings(), state);
      if (pairs.putIfAbsent(before, pair) != null) {
        throw new StateException("a peer is there twice");
      }
      pair.restore(saved, part, context);
    }
    return key;
  }

  private void forget(NoisePair pair) {
    handshakes.forgetPending(pair.handshake());
    pair.forget();
  }

  /** Goes on though another process continued these. */
  void goOn(Collection<NoisePair> pairs) {
    pairs.forEach(pair -> pair.goOn(saved));
  }

  /** The pairs that were read. */
  private record Read(
      Map<NoisePair, NoisePair> pairs,
      KeyingState.Context context,
      BiConsumer<NoisePair, NoisePair> taker)
      implements KeyingState {
    @Override
    public Set<SaKeyId> continuing() {
      Set<SaKeyId> all = new HashSet<>();
      pairs.values().forEach(pair -> pair.keys(all));
      return all;
    }

    @Override
    public void takeOver() {
      pairs.forEach(
          (before, pair) -> {
            pair.claim(context.secrets());
            taker.accept(before, pair);
          });
    }
  }
}
