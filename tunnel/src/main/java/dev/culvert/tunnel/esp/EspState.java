// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.routing.PrefixTable;
import dev.culvert.tunnel.engine.KeyTrust;
import dev.culvert.tunnel.engine.MessageQueue;
import dev.culvert.tunnel.engine.RemovedTraffic;
import dev.culvert.tunnel.engine.RequestStack;
import dev.culvert.tunnel.engine.StagingBudget;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The state that lanes and the control side share; each field names the threads that may use it.
 */
final class EspState {
  private static final int MAX_QUEUED_MESSAGES = 1024;

  final Keying keying;

  /** Messages from peers' addresses only, since the keying's filter drops all others. */
  final MessageQueue messages = new MessageQueue(MAX_QUEUED_MESSAGES, 0);

  final RequestStack<EspPeer> requests = new RequestStack<>();
  final StagingBudget staging = new StagingBudget();
  final KeyTrust trust = new KeyTrust();

  /** The traffic with removed peers. Control thread only. */
  RemovedTraffic removed = RemovedTraffic.NONE;

  /** Written by the control thread, whole tables at a time. */
  volatile InboundSas inbound = InboundSas.EMPTY;

  /** The owner of each inner address: written by the control thread, whole tables at a time. */
  volatile PrefixTable<EspPeer> owners = PrefixTable.empty();

  private final AtomicReferenceArray<@Nullable AeadBackend> backends =
      new AtomicReferenceArray<>(AeadAlgorithm.values().length);

  EspState(Keying keying) {
    this.keying = keying;
  }

  /** The current cipher backend; lanes switch to another one between two trains. */
  AeadBackend backend(AeadAlgorithm algorithm) {
    AeadBackend backend = backends.getAcquire(algorithm.ordinal());
    if (backend == null) {
      throw new IllegalStateException("no backend for " + algorithm);
    }
    return backend;
  }

  boolean supports(AeadAlgorithm algorithm) {
    return backends.getAcquire(algorithm.ordinal()) != null;
  }

  void backend(AeadAlgorithm algorithm, AeadBackend backend) {
    backends.setRelease(algorithm.ordinal(), backend);
  }
}
