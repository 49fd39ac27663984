// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A keying that a test plays: it runs the actions that the test queues, and if it has a key for a
 * peer it asks that peer, by a message, whether it may be used.
 */
final class TestKeying implements Keying {
  static final byte HELLO = 1;
  static final byte WELCOME = 2;

  private final DropCounters drops = new DropCounters();
  final ArrayDeque<KeyingEvent> events = new ArrayDeque<>();
  final ArrayDeque<Message> messages = new ArrayDeque<>();
  final Map<String, SaParameters> offered = new HashMap<>();
  final List<String> wanted = new ArrayList<>();
  final List<Long> low = new ArrayList<>();
  final Map<String, EspPeerSettings> peers = new HashMap<>();

  @Override
  public void peers(Collection<EspPeerSettings> all) {
    peers.clear();
    all.forEach(peer -> peers.put(peer.name(), peer));
  }

  @Override
  public void startAfresh(long nowNanos, long wallNanos) {
    messages.clear();
  }

  @Override
  public DropCounters drops() {
    return drops;
  }

  @Override
  public MessageFilter newFilter() {
    return (message, length, from) -> length == 1 ? null : DropReason.BAD_HANDSHAKE;
  }

  @Override
  public void receive(
      byte[] message, Endpoint from, boolean underLoad, long nowNanos, long wallNanos) {
    for (EspPeerSettings peer : peers.values()) {
      if (peer.endpoint().address().equals(from.address())) {
        events.add(new KeyingEvent.Heard(peer.name(), from));
        SaParameters sa = offered.get(peer.name());
        if (message[0] == HELLO) {
          messages.add(new Message(new byte[] {WELCOME}, peer.name(), from));
        } else if (sa != null) {
          offered.remove(peer.name());
          events.add(new KeyingEvent.UseOutbound(peer.name(), sa));
        }
      }
    }
  }

  @Override
  public void advance(long nowNanos, long wallNanos) {}

  @Override
  public void wanted(String peer, long nowNanos) {
    wanted.add(peer);
    if (offered.containsKey(peer)) {
      messages.add(new Message(new byte[] {HELLO}, peer, null));
    }
  }

  @Override
  public void runningLow(String peer, SaKeyId key, long nextSequence, long nowNanos) {
    low.add(nextSequence);
  }

  @Override
  public @Nullable KeyingEvent pollEvent() {
    return events.poll();
  }

  @Override
  public @Nullable Message pollMessage() {
    return messages.poll();
  }

  @Override
  public String kind() {
    return "test";
  }

  @Override
  public void save(StateWriter out, long nowNanos) {}

  /** Continues all SAs of peers that are configured as they were. */
  @Override
  public KeyingState read(StateReader in, KeyingState.Context context) {
    return new KeyingState() {
      @Override
      public Set<SaKeyId> continuing() {
        Set<SaKeyId> all = new HashSet<>();
        context
            .peers()
            .values()
            .forEach(
                sas -> {
                  all.addAll(sas.inbound());
                  all.addAll(sas.outbound());
                });
        return all;
      }

      @Override
      public void takeOver() {}
    };
  }

  @Override
  public void goOn() {}

  @Override
  public long nextDeadlineNanos() {
    return Long.MAX_VALUE;
  }

  @Override
  public void close() {}
}
