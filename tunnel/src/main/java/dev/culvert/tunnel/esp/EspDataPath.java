// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DatagramSource;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The path of one lane's packets through the engine.
 *
 * <ol>
 *   <li>Out: pin the SA, reserve sequence numbers, write headers and trailers, seal the train;
 *       without an SA stage copies.
 *   <li>In: find the SAs by SPI and source, infer sequence numbers, test the window, open the run,
 *       set the window, move the endpoint, check padding and selectors.
 * </ol>
 */
final class EspDataPath implements DataPath {
  private static final int ALGORITHMS = AeadAlgorithm.values().length;

  private final EspState shared;
  private final DropCounters drops;
  private final PacketRun run = new PacketRun();
  private final SelectorCheck selectors;
  private final MessageFilter filter;
  private final byte[] message = new byte[Keying.MAX_MESSAGE];
  private final @Nullable AeadBackend[] backends = new @Nullable AeadBackend[ALGORITHMS];
  private final @Nullable TrainCipher[] ciphers = new @Nullable TrainCipher[ALGORITHMS];
  private final long[] sequences = new long[Train.MAX_PACKETS];
  private final int[] lowHalves = new int[Train.MAX_PACKETS];

  /** A copy of the received run, for trying more than one key on it; allocated on first use. */
  private MemorySegment copy = MemorySegment.NULL;

  EspDataPath(EspState shared, DropCounters drops) {
    this.shared = shared;
    this.drops = drops;
    selectors = new SelectorCheck(shared, drops);
    filter = shared.keying.newFilter();
  }

  @Override
  public DropCounters drops() {
    return drops;
  }

  private TrainCipher cipher(AeadAlgorithm algorithm) {
    int i = algorithm.ordinal();
    AeadBackend now = shared.backend(algorithm);
    TrainCipher cipher = ciphers[i];
    if (cipher == null || backends[i] != now) {
      if (cipher != null) {
        cipher.forgetKeys();
      }
      backends[i] = now;
      cipher = now.newTrainCipher(algorithm);
      ciphers[i] = cipher;
    }
    return cipher;
  }

  @Override
  public void forgetKeys() {
    for (TrainCipher cipher : ciphers) {
      if (cipher != null) {
        cipher.forgetKeys();
      }
    }
  }

  // 1. Out

  @Override
  public SealResult reserve(TunnelPeer to, Train train, long nowNanos) {
    EspPeer peer = (EspPeer) to;
    if (!fits(train)) {
      drops.count(DropReason.MALFORMED, train.packets());
      return SealResult.DROPPED;
    }
    if (peer.endpoint() == null) {
      drops.count(DropReason.NO_ENDPOINT, train.packets());
      return SealResult.DROPPED;
    }
    OutboundSa sa = peer.outbound();
    if (sa == null || sa.isOver(nowNanos) || shared.trust.isWithdrawn()) {
      return stage(peer, train, nowNanos);
    }
    if (reserveUnder(peer, sa, train, false, nowNanos)) {
      return SealResult.SEALED;
    }
    if (sa != peer.outbound() || shared.trust.isWithdrawn()) {
      // The SA was replaced meanwhile.
      return stage(peer, train, nowNanos);
    }
    drops.count(DropReason.COUNTERS_SPENT, train.packets());
    shared.requests.submit(peer, EspPeer.WANTED);
    return SealResult.DROPPED;
  }

  /**
   * Seals without staging.
   *
   * @param dummy whether the packets are to be discarded by the receiver
   * @return false if the SA has ended or has too few numbers left
   */
  boolean sealUnder(EspPeer peer, OutboundSa sa, Train train, boolean dummy, long nowNanos) {
    boolean reserved = reserveUnder(peer, sa, train, dummy, nowNanos);
    if (reserved) {
      encipher(train);
    }
    return reserved;
  }

  private boolean reserveUnder(
      EspPeer peer, OutboundSa sa, Train train, boolean dummy, long nowNanos) {
    if (shared.trust.isWithdrawn() || !takeNumbers(sa, train, dummy)) {
      return false;
    }
    sa.passed(train.packets(), train.sealedBytes());
    peer.txBytes().add(train.sealedBytes());
    peer.keepalive().sent(!dummy, nowNanos);
    if (sa.isLow()) {
      shared.requests.submit(peer, EspPeer.RUNNING_LOW);
    }
    return true;
  }

  /** The train keeps the SA pinned until it is enciphered. */
  private static boolean takeNumbers(OutboundSa sa, Train train, boolean dummy) {
    if (!sa.pin()) {
      return false;
    }
    boolean reserved = false;
    try {
      long first = sa.reserve(train.packets());
      if (first != OutboundSa.SPENT) {
        writeHeadersAndTrailers(train, sa.parameters(), first, dummy);
        train.reservation(sa);
        reserved = true;
      }
      return reserved;
    } finally {
      if (!reserved) {
        sa.unpin();
      }
    }
  }

  private static void writeHeadersAndTrailers(
      Train train, SaParameters parameters, long first, boolean dummy) {
    MemorySegment memory = train.memory();
    for (int i = 0; i < train.packets(); i++) {
      long at = train.slot(i);
      EspFraming.putHeader(memory, at, parameters.spi(), first + i);
      long end = at + train.sealedLength(i) - EspFraming.ICV;
      int next = dummy ? EspFraming.NEXT_NONE : nextHeader(memory, train.inner(i));
      EspFraming.putTrailer(memory, train.inner(i) + train.length(i), end, next);
    }
  }

  private static int nextHeader(MemorySegment memory, long inner) {
    return IpHeader.version(memory, inner) == 4 ? EspFraming.NEXT_IPV4 : EspFraming.NEXT_IPV6;
  }

  @Override
  public void encipher(Train train) {
    if (!(train.reservation() instanceof OutboundSa sa)) {
      throw new IllegalStateException("a train without reserved sequence numbers");
    }
    // Taken before the cipher runs: no second call can use the numbers again.
    train.reservation(null);
    try {
      SaParameters parameters = sa.parameters();
      boolean esn = parameters.esn();
      int spi = parameters.spi();
      MemorySegment memory = train.memory();
      long first = memory.get(EspFraming.LONG, train.slot(0) + EspFraming.IV);
      for (int i = 0; esn && i < train.packets(); i++) {
        EspFraming.putEsnAad(memory, train.slot(i), spi, first + i);
      }
      place(train, first, esn);
      cipher(parameters.algorithm()).seal(sa.key(), run);
      for (int i = 0; esn && i < train.packets(); i++) {
        EspFraming.putHeader(memory, train.slot(i), spi, first + i);
      }
    } finally {
      sa.unpin();
    }
  }

  @Override
  public void release(Train train) {
    if (train.reservation() instanceof OutboundSa sa) {
      train.reservation(null);
      sa.unpin();
    }
  }

  /** Tells the cipher the places of associated data, texts and tags in a train. */
  private void place(Train train, long firstIv, boolean esn) {
    run.at(train.memory(), train.slot(0) + EspFraming.HEADER, train.stride())
        .of(
            train.packets(),
            train.stride() - EspFraming.OVERHEAD,
            train.lastSealedLength() - EspFraming.OVERHEAD)
        .counting(firstIv)
        .authenticating(train.slot(0), train.stride(), esn ? EspFraming.AAD_ESN : EspFraming.AAD);
  }

  /** Whether the train holds IP packets and was laid out as {@link EspOverhead} says. */
  private static boolean fits(Train train) {
    boolean fits = train.packets() > 0 && train.headroom() == EspFraming.HEADER;
    for (int i = 0; fits && i < train.packets(); i++) {
      int version = IpHeader.version(train.memory(), train.inner(i));
      fits =
          train.length(i) > 0
              && (version == 4 || version == 6)
              && train.sealedLength(i)
                  == EspFraming.OVERHEAD + EspFraming.paddedLength(train.length(i));
    }
    return fits;
  }

  /**
   * Stages copies until there is an SA. One may have come up meanwhile: the control side publishes
   * an SA and then looks for staged packets, and this stages packets and then looks for an SA, so
   * at least one of the two sees the other.
   */
  private SealResult stage(EspPeer peer, Train train, long nowNanos) {
    int dropped = 0;
    for (int i = 0; i < train.packets(); i++) {
      byte[] packet = new byte[train.length(i)];
      MemorySegment.copy(
          train.memory(), ValueLayout.JAVA_BYTE, train.inner(i), packet, 0, packet.length);
      dropped += peer.staged().add(packet);
    }
    if (dropped > 0) {
      drops.count(DropReason.STAGING_FULL, dropped);
    }
    OutboundSa sa = peer.outbound();
    boolean flush = sa != null && !sa.isOver(nowNanos);
    shared.requests.submit(peer, flush ? EspPeer.FLUSH : EspPeer.WANTED);
    return SealResult.STAGED;
  }

  // 2. In

  /**
   * Finds packets of one SPI with consecutive IVs, which the cipher opens as one run. Their
   * sequence numbers need not be consecutive, since each is authenticated by itself.
   */
  @Override
  public int runLength(Train received, int first) {
    if (!EspFraming.isPossibleLength(received.sealedLength(first))) {
      return 1;
    }
    MemorySegment memory = received.memory();
    long at = received.slot(first);
    int spi = memory.get(EspFraming.INT, at + EspFraming.SPI);
    if (spi == EspFraming.NON_ESP_MARKER) {
      return 1;
    }
    long iv = memory.get(EspFraming.LONG, at + EspFraming.IV);
    int next = first + 1;
    while (next < received.packets()
        && EspFraming.isPossibleLength(received.sealedLength(next))
        && memory.get(EspFraming.INT, received.slot(next) + EspFraming.SPI) == spi
        && memory.get(EspFraming.LONG, received.slot(next) + EspFraming.IV)
            == iv + (next - first)) {
      next++;
    }
    return next - first;
  }

  @Override
  public int open(Train received, DatagramSource from, long nowNanos) {
    received.headroom(EspFraming.HEADER);
    for (int i = 0; i < received.packets(); i++) {
      received.length(i, 0);
    }
    MemorySegment memory = received.memory();
    long at = received.slot(0);
    int length = received.sealedLength(0);
    if (length == 1 && memory.get(ValueLayout.JAVA_BYTE, at) == EspFraming.NAT_KEEPALIVE) {
      drops.count(DropReason.NAT_KEEPALIVE);
    } else if (length > EspFraming.MARKER_LENGTH
        && memory.get(EspFraming.INT, at) == EspFraming.NON_ESP_MARKER) {
      receiveMessage(memory, at + EspFraming.MARKER_LENGTH, length, from);
    } else if (!EspFraming.isPossibleLength(length)
        || !EspFraming.isPossibleLength(received.lastSealedLength())) {
      drops.count(DropReason.BAD_LENGTH);
    } else {
      return openEsp(received, from, nowNanos);
    }
    return 0;
  }

  private int openEsp(Train received, DatagramSource from, long nowNanos) {
    MemorySegment memory = received.memory();
    int packets = received.packets();
    long at = received.slot(0);
    int spi = memory.get(EspFraming.INT, at + EspFraming.SPI);
    InboundSa[] candidates = shared.inbound.find(spi, from);
    if (candidates.length == 0) {
      drops.count(DropReason.UNKNOWN_SA, packets);
      return 0;
    }
    // Read once, since the associated data of ESN overwrites them.
    long iv = memory.get(EspFraming.LONG, at + EspFraming.IV);
    for (int i = 0; i < packets; i++) {
      lowHalves[i] = memory.get(EspFraming.INT, received.slot(i) + EspFraming.SEQUENCE);
    }
    if (candidates.length > 1) {
      keepCopy(received);
    }
    long tried = 0;
    int over = 0;
    for (InboundSa sa : candidates) {
      if (sa.isOver(nowNanos)) {
        over++;
        continue;
      }
      for (int i = 0; i < packets; i++) {
        sequences[i] = lowHalves[i];
      }
      long fresh = sa.inferAndTest(sequences, packets);
      if (fresh == 0) {
        sa.replayed(packets);
        continue;
      }
      if (tried != 0) {
        MemorySegment.copy(copy, 0, memory, at, received.sealedBytes());
      }
      long opened = openUnder(sa, received, spi, iv);
      tried |= fresh;
      if (opened != 0) {
        return opened(sa, received, from.endpoint(), fresh, opened, nowNanos);
      }
    }
    if (over == candidates.length) {
      drops.count(DropReason.EXPIRED, packets);
      return 0;
    }
    drops.count(DropReason.BAD_TAG, Long.bitCount(tried));
    drops.count(DropReason.REPLAYED, packets - Long.bitCount(tried));
    return 0;
  }

  private void keepCopy(Train received) {
    if (copy.byteSize() == 0) {
      copy = Arena.ofAuto().allocate(Train.BUFFER_BYTES, 64);
    }
    MemorySegment.copy(received.memory(), received.slot(0), copy, 0, received.sealedBytes());
  }

  /** Deciphers the run; returns one bit per packet, set if the ICV was right. */
  private long openUnder(InboundSa sa, Train received, int spi, long iv) {
    if (!sa.pin()) {
      return 0;
    }
    try {
      boolean esn = sa.parameters().esn();
      for (int i = 0; esn && i < received.packets(); i++) {
        EspFraming.putEsnAad(received.memory(), received.slot(i), spi, sequences[i]);
      }
      place(received, iv, esn);
      return cipher(sa.parameters().algorithm()).open(sa.key(), run) & run.allPackets();
    } finally {
      sa.unpin();
    }
  }

  /** Handles a run of which some packets were authenticated. */
  private int opened(
      InboundSa sa, Train received, Endpoint from, long fresh, long opened, long nowNanos) {
    long accepted = sa.acceptFresh(sequences, fresh & opened);
    int forged = Long.bitCount(fresh & ~opened);
    int replayed = received.packets() - forged - Long.bitCount(accepted);
    if (forged > 0) {
      drops.count(DropReason.BAD_TAG, forged);
    }
    if (replayed > 0) {
      sa.replayed(replayed);
      drops.count(DropReason.REPLAYED, replayed);
    }
    if (accepted == 0) {
      return 0;
    }
    EspPeer peer = sa.peer();
    if (peer.heardFrom(from)) {
      shared.requests.submit(peer, EspPeer.MOVED);
    }
    int bytes = received.sealedBytes(accepted);
    sa.passed(Long.bitCount(accepted), bytes);
    peer.rxBytes().add(bytes);
    received.origin(peer);
    int delivered = selectors.deliver(received, accepted, sa);
    peer.keepalive().received(sa.parameters().spi(), delivered > 0, nowNanos);
    return delivered;
  }

  /**
   * Queues a copy for the keying if its filter accepts the message. Forged messages are not copied.
   */
  private void receiveMessage(MemorySegment memory, long at, int datagram, DatagramSource source) {
    int length = datagram - EspFraming.MARKER_LENGTH;
    if (length > Keying.MAX_MESSAGE) {
      drops.count(DropReason.BAD_LENGTH);
    } else if (shared.messages.isFull(source)) {
      drops.count(DropReason.QUEUE_FULL);
    } else {
      MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, at, message, 0, length);
      Endpoint from = source.endpoint();
      DropReason refused = filter.refuse(message, length, from);
      if (refused == null && !shared.messages.offer(Arrays.copyOf(message, length), from)) {
        refused = DropReason.QUEUE_FULL;
      }
      if (refused != null) {
        drops.count(refused);
      }
    }
  }
}
