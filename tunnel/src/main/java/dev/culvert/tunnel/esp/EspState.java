package dev.culvert.tunnel.esp;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.routing.PrefixTable;
import dev.culvert.tunnel.engine.KeyTrust;
import dev.culvert.tunnel.engine.MessageQueue;
import dev.culvert.tunnel.engine.RequestStack;
import dev.culvert.tunnel.engine.StagingBudget;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** What lanes and the control side share; every part says who may do what. */
final class EspState {
  private static final int MAX_QUEUED_MESSAGES = 1024;

  final Keying keying;

  /** Only of peers' addresses: the keying's filter sees to that. */
  final MessageQueue messages = new MessageQueue(MAX_QUEUED_MESSAGES, 0);

  final RequestStack<EspPeer> requests = new RequestStack<>();
  final StagingBudget staging = new StagingBudget();
  final KeyTrust trust = new KeyTrust();

  /** Written by the control thread, whole tables at a time. */
  volatile InboundSas inbound = InboundSas.EMPTY;

  /** Who owns an inner address: written by the control thread, whole tables at a time. */
  volatile PrefixTable<EspPeer> owners = PrefixTable.empty();

  private final AtomicReferenceArray<@Nullable AeadBackend> backends =
      new AtomicReferenceArray<>(AeadAlgorithm.values().length);

  EspState(Keying keying) {
    this.keying = keying;
  }

  /** What packets are sealed with now; lanes take a change over between two trains. */
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
