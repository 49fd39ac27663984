// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.manual;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.MessageFilter;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.SaParameters;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.esp.global.ExchangeLimits;
import dev.culvert.tunnel.esp.global.KeyingNotice;
import dev.culvert.tunnel.esp.manual.SequenceStore.Block;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Fixed keys for foreign peers, which cannot renew them. Sequence numbers are reserved in blocks
 * before they are used, and sending stops for good at their end (RFC 4303 section 3.3.3).
 */
public final class ManualKeying implements Keying {
  /**
   * The size of a block: a restart may waste that many numbers, and the medium is written once per
   * block.
   */
  static final long BLOCK = 1L << 20;

  private static final int WARN_PERCENT = 75;

  private final Map<String, ManualSa> inbound = new HashMap<>();
  private final Map<String, Sender> outbound = new HashMap<>();
  private final Map<String, SaKeyId> inboundKeys = new HashMap<>();
  private final Map<String, EspPeerSettings> installed = new HashMap<>();
  private final SequenceStore store;
  private final DropCounters drops = new DropCounters();
  private final ArrayDeque<KeyingEvent> events = new ArrayDeque<>();
  private final ArrayDeque<KeyingNotice> notices = new ArrayDeque<>();

  /** An SA for sending, with the end of its reserved numbers. */
  private static final class Sender {
    final ManualSa sa;
    @Nullable SaKeyId key;
    long reservedEnd = 1;
    boolean refused;

    /** Refused since a twin of this machine may have used any numbers. */
    boolean distrusted;

    boolean warned;

    Sender(ManualSa sa) {
      this.sa = sa;
    }
  }

  /**
   * The reservation of another process for a key.
   *
   * @param end the number after its last
   * @param distrusted whether it refused to send for fear of a twin
   */
  private record Reservation(long end, boolean distrusted) {}

  /**
   * Takes over the keys of all SAs.
   *
   * @throws IllegalArgumentException if a peer has two SAs in one direction, or if a key is used
   *     twice
   */
  public ManualKeying(List<ManualSa> inbound, List<ManualSa> outbound, SequenceStore store) {
    this.store = store;
    Set<String> fingerprints = new HashSet<>();
    for (ManualSa sa : inbound) {
      requireUnique(this.inbound.put(sa.peer(), sa) == null, sa, fingerprints);
    }
    for (ManualSa sa : outbound) {
      requireUnique(this.outbound.put(sa.peer(), new Sender(sa)) == null, sa, fingerprints);
    }
  }

  private static void requireUnique(boolean newPeer, ManualSa sa, Set<String> fingerprints) {
    if (!newPeer || !fingerprints.add(sa.fingerprint())) {
      throw new IllegalArgumentException(
          sa + ": one SA each way and peer, and every key for one direction of one peer only");
    }
  }

  @Override
  public DropCounters drops() {
    return drops;
  }

  @Override
  public void peers(Collection<EspPeerSettings> peers) {
    Set<String> names = new HashSet<>();
    for (EspPeerSettings peer : peers) {
      names.add(peer.name());
      EspPeerSettings before = installed.put(peer.name(), peer);
      if (before == null || !peer.continues(before)) {
        install(peer);
      }
    }
    installed.keySet().retainAll(names);
  }

  private void install(EspPeerSettings peer) {
    ManualSa in = inbound.get(peer.name());
    if (in != null) {
      SaParameters sa = parameters(in, 1, in.end(), in.end(), peer.selectors());
      inboundKeys.put(peer.name(), sa.keyId());
      events.add(new KeyingEvent.AddInbound(peer.name(), sa));
    }
    Sender sender = outbound.get(peer.name());
    Block block = sender == null ? null : reserve(sender);
    if (sender == null || block == null) {
      events.add(new KeyingEvent.StopSending(peer.name()));
      return;
    }
    SaParameters sa =
        parameters(
            sender.sa, block.first(), block.end(), noticeAt(sender, block), peer.selectors());
    sender.key = sa.keyId();
    events.add(new KeyingEvent.UseOutbound(peer.name(), sa));
  }

  private static SaParameters parameters(
      ManualSa sa, long first, long end, long noticeAt, Selectors selectors) {
    return new SaParameters(
        sa.spi(),
        AeadAlgorithm.AES_GCM,
        sa.key().copy(),
        sa.salt(),
        sa.esn(),
        first,
        end,
        noticeAt,
        selectors);
  }

  /**
   * The number at which to reserve the next block: half a block ahead, so that there is time to
   * write; never at the end of the space.
   */
  private static long noticeAt(Sender sender, Block block) {
    return block.end() >= sender.sa.end()
        ? block.end()
        : block.end() - (block.end() - block.first()) / 2;
  }

  /** Reserves the next block; null if the SA must not send, or not any more. */
  private @Nullable Block reserve(Sender sender) {
    if (sender.refused) {
      return null;
    }
    try {
      Block block = store.reserve(sender.sa.fingerprint(), BLOCK, sender.sa.end());
      if (block.first() < sender.reservedEnd) {
        throw new SequenceRefusedException(
            "numbers from %d were reserved before".formatted(block.first()));
      }
      if (block.end() <= block.first()) {
        throw new SequenceRefusedException("all its sequence numbers are used: it needs a new key");
      }
      sender.reservedEnd = block.end();
      warn(sender);
      return block;
    } catch (SequenceRefusedException e) {
      sender.refused = true;
      notices.add(
          new KeyingNotice.SequenceRefused(
              sender.sa.peer(), sender.sa.spi(), String.valueOf(e.getMessage())));
      return null;
    }
  }

  private void warn(Sender sender) {
    double share = (double) sender.reservedEnd / sender.sa.end();
    if (!sender.warned && share * 100 >= WARN_PERCENT) {
      sender.warned = true;
      notices.add(
          new KeyingNotice.SequenceRunningOut(
              sender.sa.peer(), sender.sa.spi(), (int) (share * 100)));
    }
  }

  @Override
  public void runningLow(String peer, SaKeyId key, long nextSequence, long nowNanos) {
    Sender sender = outbound.get(peer);
    if (sender == null || !key.equals(sender.key)) {
      return;
    }
    long before = sender.reservedEnd;
    Block block = reserve(sender);
    if (block == null) {
      return; // The reserved numbers are used up to their end, at which the engine stops.
    }
    if (block.first() == before) {
      events.add(new KeyingEvent.ExtendOutbound(peer, key, block.end(), noticeAt(sender, block)));
    } else {
      // Another process reserved numbers in between, so those are not ours.
      notices.add(new KeyingNotice.SequenceSkipped(peer, sender.sa.spi(), before, block.first()));
      moveTo(block, sender, key);
    }
  }

  private void moveTo(Block block, Sender sender, SaKeyId key) {
    events.add(
        new KeyingEvent.MoveOutbound(
            sender.sa.peer(), key, block.first(), block.end(), noticeAt(sender, block)));
  }

  /**
   * Leaves the numbers that are left, and goes on with others that nobody else has.
   *
   * @return false if there are none
   */
  private boolean reserveAnew(Sender sender) {
    SaKeyId key = sender.key;
    Block block = key == null ? null : reserve(sender);
    if (key == null || block == null) {
      return false;
    }
    moveTo(block, sender, key);
    return true;
  }

  @Override
  public String kind() {
    return "manual";
  }

  @Override
  public boolean reservesNumbers() {
    return true;
  }

  /** Writes the ends of all reservations. */
  @Override
  public void save(StateWriter out, long nowNanos) {
    out.list(
        outbound.values(),
        sender ->
            out.text(sender.sa.fingerprint()).int64(sender.reservedEnd).flag(sender.distrusted));
  }

  /**
   * Reads the ends of reservations. The keys are this keying's own, so it continues only with the
   * counts and windows of those that were used before too.
   */
  @Override
  public KeyingState read(StateReader in, KeyingState.Context context) throws StateException {
    Map<String, Reservation> before = new HashMap<>();
    in.list(() -> before.put(in.text(), new Reservation(in.int64(), in.flag())));
    Set<SaKeyId> continuing = new HashSet<>(inboundKeys.values());
    outbound.values().stream()
        .map(sender -> sender.key)
        .filter(Objects::nonNull)
        .forEach(continuing::add);
    return new KeyingState() {
      @Override
      public Set<SaKeyId> continuing() {
        return continuing;
      }

      @Override
      public void takeOver() {
        outbound.values().forEach(sender -> follow(sender, before.get(sender.sa.fingerprint())));
      }
    };
  }

  /** Makes sure that our numbers come after those of the process before us. */
  private void follow(Sender sender, @Nullable Reservation before) {
    if (before == null || sender.key == null) {
      return;
    }
    if (before.distrusted) {
      distrust(sender);
    } else if (before.end < sender.reservedEnd || reserveAnew(sender)) {
      return;
    }
    // Our numbers come before some that the peer has seen, so it would refuse them.
    events.add(new KeyingEvent.StopSending(sender.sa.peer()));
  }

  /**
   * Goes on with new numbers, which come after those that the process that got the state has
   * reserved. If there are none, those that are left stay good, since only this process has them.
   */
  @Override
  public void goOn() {
    outbound.values().forEach(this::reserveAnew);
  }

  /**
   * Stops sending for good, since there are no other keys, and a twin of this machine may have used
   * any numbers. Peers' packets are still received, each once.
   */
  @Override
  public void startAfresh(long nowNanos, long wallNanos) {
    for (Sender sender : outbound.values()) {
      if (!sender.refused && installed.containsKey(sender.sa.peer())) {
        distrust(sender);
      }
    }
    installed.values().forEach(this::install);
  }

  private void distrust(Sender sender) {
    sender.refused = true;
    sender.distrusted = true;
    notices.add(
        new KeyingNotice.SequenceRefused(
            sender.sa.peer(),
            sender.sa.spi(),
            "the clock was set, or this machine was restored from a snapshot, and then its"
                + " numbers were used already; after a restore give both ends a new key, else"
                + " start again to go on"));
  }

  @Override
  public void wanted(String peer, long nowNanos) {
    events.add(new KeyingEvent.StopSending(peer));
  }

  @Override
  public @Nullable KeyingNotice pollNotice() {
    return notices.poll();
  }

  @Override
  public @Nullable KeyingEvent pollEvent() {
    return events.poll();
  }

  /** Lets no message pass, since there is no exchange with foreign peers. */
  @Override
  public MessageFilter newFilter() {
    return (message, length, from) -> DropReason.BAD_HANDSHAKE;
  }

  @Override
  public void receive(
      byte[] message, Endpoint from, boolean underLoad, long nowNanos, long wallNanos) {
    // Never called, since no message passes the filter.
  }

  @Override
  public void advance(long nowNanos, long wallNanos) {
    // Nothing here is due at a time.
  }

  @Override
  public @Nullable Message pollMessage() {
    return null;
  }

  @Override
  public long nextDeadlineNanos() {
    return ExchangeLimits.NEVER;
  }

  @Override
  public void close() {
    inbound.values().forEach(sa -> sa.key().close());
    outbound.values().forEach(sender -> sender.sa.key().close());
    KeyingEvent.wipe(events);
  }
}
