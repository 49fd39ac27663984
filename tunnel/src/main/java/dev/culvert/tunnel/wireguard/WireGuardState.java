// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.AeadBackend;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.KeyTrust;
import dev.culvert.tunnel.engine.MessageQueue;
import dev.culvert.tunnel.engine.ReadyPeers;
import dev.culvert.tunnel.engine.RemovedTraffic;
import dev.culvert.tunnel.engine.RequestStack;
import dev.culvert.tunnel.engine.StagingBudget;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.noise.Deadlines;
import dev.culvert.tunnel.noise.IndexTable;
import dev.culvert.tunnel.noise.LocalIdentity;
import dev.culvert.tunnel.noise.Messages;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** The state that the parts of the engine share; each field names the threads that may use it. */
final class WireGuardState {
  final Limits limits;
  final IndexTable indices;
  final AllowedIps allowedIps = new AllowedIps();
  final MessageQueue handshakes;
  final RequestStack<WireGuardPeer> requests = new RequestStack<>();
  final Deadlines deadlines = new Deadlines();
  final StagingBudget staging = new StagingBudget();
  final KeyTrust trust = new KeyTrust();

  // Control thread only.
  final Outbox outbox = new Outbox();
  final ReadyPeers<WireGuardPeer> ready = new ReadyPeers<>();
  final Queue<TunnelEvent> events = new ArrayDeque<>();
  final DropCounters controlDrops = new DropCounters();
  RemovedTraffic removed = RemovedTraffic.NONE;

  private volatile AeadBackend aead;
  private volatile @Nullable LocalIdentity identity;

  /**
   * @param seed unpredictable; assigns sources to classes in the queue of handshakes
   */
  WireGuardState(Limits limits, IndexTable indices, AeadBackend aead, long seed) {
    this.limits = limits;
    this.indices = indices;
    this.aead = aead;
    handshakes = new MessageQueue(Messages.MAX_QUEUED_HANDSHAKES, seed);
  }

  /** The current cipher backend; lanes switch to another one between two trains. */
  AeadBackend aead() {
    return aead;
  }

  void aead(AeadBackend newAead) {
    aead = newAead;
  }

  /** This device's identity, or null if no private key is set. */
  @Nullable LocalIdentity identity() {
    return identity;
  }

  void identity(@Nullable LocalIdentity newIdentity) {
    identity = newIdentity;
  }
}
