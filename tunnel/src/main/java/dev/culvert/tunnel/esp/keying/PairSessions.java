package dev.culvert.tunnel.esp.keying;

import static dev.culvert.tunnel.esp.keying.ExchangeLimits.MAX_INBOUND;
import static dev.culvert.tunnel.esp.keying.ExchangeLimits.NEVER;
import static dev.culvert.tunnel.esp.keying.ExchangeLimits.OVERLAP;
import static dev.culvert.tunnel.esp.keying.ExchangeLimits.REJECT_AFTER;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.SaParameters;
import dev.culvert.tunnel.esp.keying.KeySchedule.Direction;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/** The SAs with one peer: what it may send under, and what we send under. */
final class PairSessions {
  private final EspPeerSettings pair;
  private final KeyingState state;
  private final ArrayDeque<Inbound> inbound = new ArrayDeque<>();
  private @Nullable SaKeyId outbound;
  private long stopAt = NEVER;

  private static final class Inbound {
    final SaKeyId key;
    long removeAt;

    Inbound(SaKeyId key, long removeAt) {
      this.key = key;
      this.removeAt = removeAt;
    }
  }

  /**
   * Both SAs of one exchange: receiving already, not yet sending.
   *
   * @param inbound names the receive SA
   * @param outbound to send under once the peer is known to receive
   */
  record Session(SaKeyId inbound, SaParameters outbound) {}

  PairSessions(EspPeerSettings pair, KeyingState state) {
    this.pair = pair;
    this.state = state;
  }

  /** Derives both SAs and installs the one to receive under. */
  Session receiveUnder(GlobalKey key, Epochs epochs, boolean initiator, long nowNanos) {
    Direction out = initiator ? Direction.FROM_INITIATOR : Direction.FROM_RESPONDER;
    SaParameters in = derive(key, epochs, out.reverse(), false);
    Session session = new Session(in.keyId(), derive(key, epochs, out, true));
    inbound.addLast(new Inbound(session.inbound(), nowNanos + REJECT_AFTER + OVERLAP));
    state.events.add(new KeyingEvent.AddInbound(pair.name(), in));
    if (inbound.size() > MAX_INBOUND) {
      remove(inbound.removeFirst());
    }
    return session;
  }

  private SaParameters derive(GlobalKey key, Epochs epochs, Direction direction, boolean toPeer) {
    byte[] material = KeySchedule.saKey(key, pair, state.esn, epochs, direction, toPeer);
    int salt = ByteBuffer.wrap(material).getInt(key.aesKeyLength());
    SecretBytes aes = SecretBytes.owning(Arrays.copyOf(material, key.aesKeyLength()));
    Arrays.fill(material, (byte) 0);
    return new SaParameters(
        key.id(),
        AeadAlgorithm.AES_GCM,
        aes,
        salt,
        state.esn,
        1,
        state.esn ? ExchangeLimits.REJECT_AFTER_PACKETS : SaParameters.LIMIT_32,
        state.esn ? ExchangeLimits.RENEW_AFTER_PACKETS : ExchangeLimits.RENEW_AFTER_PACKETS_32,
        pair.agreed());
  }

  /** Sends under {@code session}; older receive SAs stay for the overlap. */
  void sendUnder(Session session, long nowNanos) {
    outbound = session.outbound().keyId();
    stopAt = nowNanos + REJECT_AFTER;
    state.events.add(new KeyingEvent.UseOutbound(pair.name(), session.outbound()));
    for (Inbound sa : inbound) {
      if (!sa.key.equals(session.inbound())) {
        sa.removeAt = Math.min(sa.removeAt, nowNanos + OVERLAP);
      }
    }
  }

  boolean isSending() {
    return outbound != null;
  }

  boolean isSendingUnder(SaKeyId key) {
    return key.equals(outbound);
  }

  void stopSending() {
    outbound = null;
    stopAt = NEVER;
    state.events.add(new KeyingEvent.StopSending(pair.name()));
  }

  /** Ends what is too old. */
  void expire(long nowNanos) {
    if (nowNanos >= stopAt) {
      stopSending();
    }
    for (Iterator<Inbound> each = inbound.iterator(); each.hasNext(); ) {
      Inbound sa = each.next();
      if (nowNanos >= sa.removeAt) {
        each.remove();
        remove(sa);
      }
    }
  }

  /** Ends everything. */
  void end() {
    stopSending();
    inbound.forEach(this::remove);
    inbound.clear();
  }

  private void remove(Inbound sa) {
    state.events.add(new KeyingEvent.RemoveInbound(pair.name(), sa.key));
  }

  long nextDeadlineNanos() {
    long next = stopAt;
    for (Inbound sa : inbound) {
      next = Math.min(next, sa.removeAt);
    }
    return next;
  }
}
